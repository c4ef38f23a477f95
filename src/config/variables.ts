// Finds values with references to variables: the exporter does not expand them, and would send them as they are.
import type { Path } from '../util/yaml/descriptions.ts';
import type { YamlDocument } from '../util/yaml/document.ts';
import { isProxyUrl } from './connection-schema.ts';
import { isConfidential } from './credentials-schema.ts';

/** The syntax of shells, Compose and Kubernetes. */
const VARIABLE = /\$\{[A-Za-z_]\w*[^}]*\}|\$\([A-Za-z_]\w*\)|^\$[A-Za-z_]\w*$/;
const SECRETS = ['access_key_id', 'access_key_secret', 'security_token', 'redis_url'];

/** Reports each value that refers to a variable, and what to write instead. */
export function reportVariables(document: YamlDocument): void {
  visit(document.value, []);

  function visit(value: unknown, path: Path): void {
    if (typeof value === 'string') {
      if (value.includes('$') && VARIABLE.test(value)) reportVariable(path);
    } else if (Array.isArray(value)) for (const [index, item] of value.entries()) visit(item, [...path, index]);
    else for (const [key, inner] of Object.entries(Object(value))) visit(inner, [...path, key]);
  }

  function reportVariable(path: Path): void {
    const key = String(path.at(-1));
    const instead =
      (isConfidential(path) && SECRETS.includes(key)) || isProxyUrl(path)
        ? `write ${key}_env with the name of the variable, or ${key}_file`
        : 'write the value, or let the tool that creates the file insert it';
    document.report(path, `a value, because variables are not expanded (${instead})`, 'a variable');
  }
}
