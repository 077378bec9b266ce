/** A noun with its indefinite article, by its first letter: `an array`, `a queue`. */
export function withArticle(noun: string): string {
  return `${/^[aeiou]/i.test(noun) ? 'an' : 'a'} ${noun}`;
}
