import type { Expression } from '../../domain/expression.ts';

/** The questions that an expression looks at. */
export function namesIn(expression: Expression): readonly string[] {
  switch (expression.op) {
    case 'value':
      return [];
    case 'name':
      return [expression.name];
    case 'field':
    case 'not':
    case 'negate':
      return namesIn(expression.of);
    case 'list':
      return expression.items.flatMap(namesIn);
    case 'call':
      return expression.args.flatMap(namesIn);
    default:
      return [...namesIn(expression.left), ...namesIn(expression.right)];
  }
}

/** True for a value that an answer states itself; one that is worked out from answers could be worked out otherwise. */
export function statesAnswer(expression: Expression): boolean {
  switch (expression.op) {
    case 'name':
      return true;
    case 'field':
    case 'not':
      return statesAnswer(expression.of);
    case '==':
    case '!=':
    case 'in':
    case 'contains':
      return statesAnswer(expression.left) || statesAnswer(expression.right);
    default:
      return false;
  }
}
