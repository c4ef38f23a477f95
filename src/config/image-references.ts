// Finds image references in the place of a name or a tag, and suggests what to write instead.
import { mayBeSecret, type Path } from '../util/yaml/descriptions.ts';
import type { YamlDocument } from '../util/yaml/document.ts';
import { listAt } from './unchecked-values.ts';

/** `[REGISTRY/][NAMESPACE/]NAME[:TAG][@sha256:DIGEST]`. */
const REFERENCE =
  /^(?:(?<registry>[\w-]+(?:\.[\w-]+)*(?::\d+)?)\/(?=.+\/))?(?:(?<namespace>[\w.-]+)\/)?(?<name>[\w.-]+)(?::(?<tag>[\w.-]+))?(?:@(?<digest>sha256:[0-9a-f]+))?$/;

/** The same with the wildcards of patterns, `*` and `?`. */
const PATTERN = new RegExp(REFERENCE.source.replaceAll('[\\w.-]', '[\\w.*?-]'));

/** What is expected in each list of patterns of a discovery rule. */
const PATTERNS = {
  namespaces: 'a pattern of namespaces alone',
  repositories: 'a pattern of names alone',
  exclude_repositories: 'a pattern of names alone',
  tags: 'a pattern of tags alone',
  exclude_tags: 'a pattern of tags alone',
} as const;

/** Reports each name and tag of a listed repository, and each pattern of a discovery rule, that is an image reference. */
export function reportImageReferences(document: YamlDocument): void {
  for (const [index, instance] of listAt(document.value, 'instances').entries()) {
    for (const [at, repository] of listAt(instance, 'repositories').entries()) {
      const path: Path = ['instances', index, 'repositories', at];
      const namespace: unknown = Reflect.get(Object(repository), 'namespace');
      const name: unknown = Reflect.get(Object(repository), 'name');
      check(namespace, [...path, 'namespace'], 'the namespace alone');
      if (!mayBeName(name) || isReference(name.split('/'), namespace)) check(name, [...path, 'name'], 'the name alone');
      for (const [n, tag] of listAt(repository, 'tags').entries()) {
        if (typeof tag === 'string') check(tag, [...path, 'tags', n], 'a tag alone');
        else check(Reflect.get(Object(tag), 'tag'), [...path, 'tags', n, 'tag'], 'a tag alone');
      }
    }
    for (const [at, rule] of listAt(instance, 'discover').entries()) {
      for (const [key, expected] of Object.entries(PATTERNS)) {
        for (const [n, pattern] of listAt(rule, key).entries()) {
          const isRepository = key.endsWith('repositories');
          if (isRepository && mayBeName(pattern) && !isReferencePattern(pattern, listAt(rule, 'namespaces'))) continue;
          suggest(pattern, ['instances', index, 'discover', at, key, n], expected, PATTERN, (parts) =>
            asRule(key, parts),
          );
        }
      }
    }
  }

  function check(value: unknown, path: Path, expected: string): void {
    suggest(value, path, expected, REFERENCE, path.includes('tags') ? asTag : asRepository);
  }

  function suggest(
    value: unknown,
    path: Path,
    expected: string,
    form: RegExp,
    instead: (parts: ReferenceParts) => string,
  ): void {
    const parts = typeof value === 'string' && /[/:@]/.test(value) ? form.exec(value)?.groups : undefined;
    if (parts === undefined) return;
    const advice = mayBeSecret(String(value)) ? '' : ` (write ${instead(parts)})`;
    document.report(path, `${expected}${advice}`, 'the reference of an image');
  }
}

/** Whether a text may be a name: slashes are allowed, but not the `:` or `@` of a reference. */
function mayBeName(name: unknown): name is string {
  return typeof name === 'string' && !/[:@]/.test(name);
}

/** Whether a pattern of names is a reference for one of the namespaces. */
function isReferencePattern(pattern: string, namespaces: readonly unknown[]): boolean {
  const parts = pattern.split('/');
  const given = namespaces.length === 0 ? ['*'] : namespaces;
  return given.some((namespace) => isReference(parts, namespace));
}

/** Whether a path begins with the host of a registry or with its namespace, or has slashes although no namespace is given. */
function isReference([first = '', ...rest]: readonly string[], namespace: unknown): boolean {
  if (rest.length === 0) return false;
  const isHost = first.endsWith('.aliyuncs.com') || (first.includes('.') && rest[0] === namespace);
  return isHost || first === namespace || typeof namespace !== 'string' || namespace === '';
}

type ReferenceParts = Readonly<Record<string, string | undefined>>;

/** `v1@sha256:…` parses as a name with a digest, but `v1` is the tag. */
function asTag({ namespace, name, tag, digest }: ReferenceParts): string {
  const meant = tag ?? (namespace === undefined ? name : undefined) ?? 'TAG';
  return digest === undefined ? meant : `{ tag: ${meant}, digest: "${digest}" }`;
}

function asRepository({ namespace, name, tag }: ReferenceParts): string {
  const keys = [namespace && `namespace: ${namespace}`, `name: ${name}`, tag && `tags: [${tag}]`];
  return keys.filter(Boolean).join(', ');
}

/** An exclusion holds for all namespaces and repositories of the rule, so only its own pattern is suggested. */
function asRule(key: string, { namespace, name, tag, digest }: ReferenceParts): string {
  const isTag = digest !== undefined && tag === undefined && namespace === undefined;
  const [repository, tagOf] = isTag ? [undefined, name] : [name, tag];
  const keys = key.startsWith('exclude_')
    ? { [key]: key === 'exclude_tags' ? (tagOf ?? 'TAG') : (repository ?? 'NAME') }
    : { namespaces: namespace, repositories: repository, tags: tagOf };
  return Object.entries(keys)
    .flatMap(([each, pattern]) => (pattern === undefined ? [] : `${each}: [${JSON.stringify(pattern)}]`))
    .join(', ');
}
