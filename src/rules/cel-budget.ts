import {
  CelScalar,
  celFunc,
  isCelList,
  isCelMap,
  type CelFunc,
  type CelValue,
} from '@bufbuild/cel';
import { HAS } from './cel-functions.js';
import type { Node } from './cel-syntax.js';
import type { Work } from './work.js';

const { BOOL, DYN } = CelScalar;

// Names that no source can spell.
const CHARGE = '@charge';
const CHARGE_DEEP = '@charge_deep';
const TICK = '@tick';

/** Operators that look at their operands in an order of their own, or not at all. */
const NOT_CHARGED = new Set(['_[_]', '_?_:_', '_&&_', '_||_', '!_', '@not_strictly_false']);
/** Operators that read their operands to the bottom. */
const DEEP = new Set(['_==_', '_!=_', '@in']);

const STEPS_PER_CALL = 20;
const STEPS_PER_ROUND = 100;

/**
 * A copy of a tree in which every argument and every round of a loop is paid for.
 *
 * The library has no budget of its own, and 2 KB are enough for a loop in a loop in a loop, or for a string that doubles
 * a hundred times. `has(a.b)` becomes a call too, so that it can be corrected.
 */
export function withBudget(node: Node): Node {
  const kind = node.exprKind;
  switch (kind.case) {
    case 'selectExpr': {
      const { operand, testOnly, field } = kind.value;
      const inner = operand === undefined ? undefined : withBudget(operand);
      if (testOnly && inner !== undefined) {
        return call(node, HAS, [inner, text(node, field)]);
      }
      return inner === undefined
        ? node
        : { ...node, exprKind: { ...kind, value: { ...kind.value, operand: inner } } };
    }
    case 'callExpr': {
      const { target, args } = kind.value;
      const name = kind.value.function;
      const charge = (arg: Node): Node =>
        NOT_CHARGED.has(name)
          ? withBudget(arg)
          : call(arg, DEEP.has(name) ? CHARGE_DEEP : CHARGE, [withBudget(arg)]);
      const copy = { ...kind.value, args: args.map((arg) => charge(arg)) };
      return {
        ...node,
        exprKind: {
          ...kind,
          value: target === undefined ? copy : { ...copy, target: charge(target) },
        },
      };
    }
    case 'listExpr':
      return {
        ...node,
        exprKind: {
          ...kind,
          value: { ...kind.value, elements: kind.value.elements.map((item) => withBudget(item)) },
        },
      };
    case 'structExpr':
      return {
        ...node,
        exprKind: {
          ...kind,
          value: {
            ...kind.value,
            entries: kind.value.entries.map((entry) => ({
              ...entry,
              keyKind:
                entry.keyKind.case === 'mapKey'
                  ? { ...entry.keyKind, value: withBudget(entry.keyKind.value) }
                  : entry.keyKind,
              ...(entry.value === undefined ? {} : { value: withBudget(entry.value) }),
            })),
          },
        },
      };
    case 'comprehensionExpr': {
      const { iterRange, accuInit, loopCondition, loopStep, result } = kind.value;
      return {
        ...node,
        exprKind: {
          ...kind,
          value: {
            ...kind.value,
            ...(iterRange && { iterRange: call(iterRange, CHARGE, [withBudget(iterRange)]) }),
            ...(accuInit && { accuInit: withBudget(accuInit) }),
            ...(loopCondition && {
              loopCondition: call(loopCondition, TICK, [withBudget(loopCondition)]),
            }),
            ...(loopStep && { loopStep: withBudget(loopStep) }),
            ...(result && { result: withBudget(result) }),
          },
        },
      };
    }
    case 'identExpr':
    case 'constExpr':
    case undefined:
      return node;
  }
}

function call(at: Node, name: string, args: Node[]): Node {
  return {
    $typeName: 'cel.expr.Expr',
    id: at.id,
    exprKind: {
      case: 'callExpr',
      value: { $typeName: 'cel.expr.Expr.Call', function: name, args },
    },
  };
}

function text(at: Node, value: string): Node {
  return {
    $typeName: 'cel.expr.Expr',
    id: at.id,
    exprKind: {
      case: 'constExpr',
      value: {
        $typeName: 'cel.expr.Constant',
        constantKind: { case: 'stringValue', value },
      },
    },
  };
}

/** The functions that collect; they take from the work that `work()` names at the time. */
export function budgetFunctions(work: () => Work): CelFunc[] {
  return [
    celFunc(CHARGE, [DYN], DYN, (value) => {
      work().spend(STEPS_PER_CALL + sizeOf(value));
      return value;
    }),
    celFunc(CHARGE_DEEP, [DYN], DYN, (value) => {
      chargeDeep(value, work());
      return value;
    }),
    celFunc(TICK, [BOOL], BOOL, (goOn) => {
      // An error in the condition ends the loop; in the step it would only be the value of one round.
      work().spend(STEPS_PER_ROUND);
      return goOn;
    }),
  ];
}

function chargeDeep(value: CelValue, work: Work): void {
  work.spend(STEPS_PER_CALL + sizeOf(value));
  if (isCelList(value)) {
    for (const item of value) {
      chargeDeep(item, work);
    }
  } else if (isCelMap(value)) {
    for (const [, item] of value) {
      chargeDeep(item, work);
    }
  }
}

/** Characters count a quarter of an item: they are copied and compared that much faster. */
function sizeOf(value: CelValue): number {
  if (typeof value === 'string' || value instanceof Uint8Array) {
    return value.length / 4;
  }
  return isCelList(value) || isCelMap(value) ? value.size : 0;
}
