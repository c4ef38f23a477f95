// Explains the errors of the YAML parser without quoting the source, as its own messages do: it may contain secrets.
import type { ErrorCode } from 'yaml';

/** For each of the parser's codes: what was expected and what was found. */
const MEANINGS: Readonly<Record<ErrorCode, readonly [expected: string, found: string]>> = {
  ALIAS_PROPS: ['an alias alone', 'an alias with an anchor or a tag'],
  BAD_ALIAS: ['a name after & or *, or quotes around a pattern that begins with *', 'none'],
  BAD_COLLECTION_TYPE: ['no YAML tags', 'one'],
  BAD_DIRECTIVE: ['a %YAML or %TAG directive', 'another line that starts with %'],
  BAD_DQ_ESCAPE: ['an escape sequence that YAML knows', 'another character after \\ in a text in double quotes'],
  BAD_INDENT: ['consistent indentation', 'a line that is indented otherwise than its neighbours'],
  BAD_PROP_ORDER: ['anchors and tags after the indicator', 'one before it'],
  BAD_SCALAR_START: ['a value in quotes', 'a plain one that starts with a reserved character'],
  BLOCK_AS_IMPLICIT_KEY: ['one key and its value on a line', 'a further key or list item within the value'],
  BLOCK_IN_FLOW: ['only values in brackets within brackets', 'an indented map or list'],
  DUPLICATE_KEY: ['each key once', 'one again'],
  IMPOSSIBLE: ['valid YAML', 'something else'],
  KEY_OVER_1024_CHARS: ['a key of at most 1024 characters', 'a longer one'],
  MISSING_CHAR: ['a complete construct', 'a quote, bracket, colon, comma or space missing'],
  MULTILINE_IMPLICIT_KEY: ['a key and its colon on one line', 'a line without a colon, or a key over several lines'],
  MULTIPLE_ANCHORS: ['at most one anchor', 'several'],
  MULTIPLE_DOCS: ['one document', 'several'],
  MULTIPLE_TAGS: ['at most one tag', 'several'],
  NON_STRING_KEY: ['a text as the key', 'something else'],
  RESOURCE_EXHAUSTION: ['a file that fits into memory', 'one that does not'],
  TAB_AS_INDENT: ['spaces as indentation', 'a tab'],
  TAG_RESOLVE_FAILED: ['no YAML tags', 'one that cannot be resolved'],
  UNEXPECTED_TOKEN: ['valid YAML', 'something that does not belong here'],
};

/** More exact words for those messages of the parser that quote nothing. */
const EXACT: readonly (readonly [message: RegExp, expected: string, found: string])[] = [
  [/^Missing closing "quote$/, 'a closing double quote', 'none'],
  [/^Missing closing 'quote$/, 'a closing single quote', 'none'],
  [/^Flow (map|sequence) .*end with a \}$/, 'a closing }', 'none'],
  [/^Flow (map|sequence) .*end with a \]$/, 'a closing ]', 'none'],
  [/^Missing , (or : )?between flow (map|sequence) items$/, 'a comma between items', 'none'],
  [/^Missing space after : /, 'a space after the colon', 'none'],
  [/^Sequence item without - indicator$/, 'a list item that starts with -', 'something else at its indentation'],
  [/^Implicit map keys need to be followed by map values$/, 'a colon after the key', 'none'],
];

/** What was expected and found where the parser reports `code`. */
export function explainYamlError(code: ErrorCode, message: string): readonly [expected: string, found: string] {
  const exact = EXACT.find(([pattern]) => pattern.test(message));
  return exact ? [exact[1], exact[2]] : MEANINGS[code];
}
