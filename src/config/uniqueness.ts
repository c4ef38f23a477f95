// Checks what must be unique in a configuration: ids of instances, ids and names of repositories, tags of a repository. It reads the plain
// values of the file, so it reports its mistakes together with those of the schema.
import { type Path, quoted } from '../util/yaml/descriptions.ts';
import type { YamlDocument } from '../util/yaml/document.ts';
import { listAt, textAt } from './unchecked-values.ts';

type ListedNames = { readonly names: string; readonly id: string; readonly path: Path };

/** Reports repetitions and contradictions. */
export function reportRepetitions(document: YamlDocument): void {
  const ids = new Map<string, Path>();
  for (const [index, instance] of listAt(document.value, 'instances').entries()) {
    const path: Path = ['instances', index];
    once(ids, textAt(instance, 'id'), [...path, 'id'], 'each instance once', document);
    reportReservedId(instance, path, document);
    reportRepositories(listAt(instance, 'repositories'), [...path, 'repositories'], document);
  }
}

/** In metrics, the top-level credentials are called `default`, and those of an instance have the id of the instance. */
function reportReservedId(instance: unknown, path: Path, document: YamlDocument): void {
  if (textAt(instance, 'id') !== 'default' || Reflect.get(Object(instance), 'credentials') === undefined) return;
  document.report([...path, 'id'], 'another id than default for an instance with credentials of its own', '"default"');
}

function reportRepositories(repositories: readonly unknown[], path: Path, document: YamlDocument): void {
  const entries = repositories.map((repository, index) => identityOf(repository, [...path, index]));
  const idOf = new Map<string, ListedNames>();
  const namesOf = new Map<string, ListedNames>();
  for (const entry of entries) {
    if (entry.names === '' || entry.id === '') continue;
    const sameNames = idOf.get(entry.names);
    const sameId = namesOf.get(entry.id);
    if (sameNames && sameNames.id !== entry.id) contradict(entry, sameNames, 'id', 'names', document);
    if (sameId && sameId.names !== entry.names) contradict(entry, sameId, 'name', 'id', document);
    if (!sameNames) idOf.set(entry.names, entry);
    if (!sameId) namesOf.set(entry.id, entry);
  }
  const tags = new Map<string, Map<string, Path>>();
  for (const [index, { names, id, path: at }] of entries.entries()) {
    const knownId = id === '' ? (idOf.get(names)?.id ?? '') : id;
    const key = knownId === '' ? names : `id ${knownId}`;
    const seen = (key === '' ? undefined : tags.get(key)) ?? new Map<string, Path>();
    if (key !== '') tags.set(key, seen);
    reportTags(listAt(repositories[index], 'tags'), [...at, 'tags'], seen, document);
  }
}

function reportTags(tags: readonly unknown[], path: Path, seen: Map<string, Path>, document: YamlDocument): void {
  for (const [index, entry] of tags.entries()) {
    const isText = typeof entry === 'string';
    const tag = isText ? entry : textAt(entry, 'tag');
    once(seen, tag, isText ? [...path, index] : [...path, index, 'tag'], 'each tag of a repository once', document);
  }
}

function once(seen: Map<string, Path>, text: string, path: Path, expected: string, document: YamlDocument): void {
  if (text === '') return;
  const first = seen.get(text);
  if (!first) {
    seen.set(text, path);
    return;
  }
  document.report(path, expected, `${quoted(text)} again (first at line ${document.lineOf(first)})`);
}

function contradict(
  entry: ListedNames,
  first: ListedNames,
  differing: string,
  same: string,
  document: YamlDocument,
): void {
  const path = [...entry.path, differing];
  const found = `another ${differing} than at line ${document.lineOf(first.path)}, with the same ${same}`;
  document.report(path, 'one id for one namespace and name', found);
}

function identityOf(repository: unknown, path: Path): ListedNames {
  const [namespace, name] = [textAt(repository, 'namespace'), textAt(repository, 'name')];
  const names = namespace === '' || name === '' ? '' : JSON.stringify([namespace, name]);
  return { names, id: textAt(repository, 'id'), path };
}
