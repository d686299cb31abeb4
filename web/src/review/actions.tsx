import type { ReviewContext } from '../api/wire.js';
import { Button } from '../ui/button.js';

/** Something a person can do with a review. */
export type Act =
  'approve' | 'reject' | 'correct' | 'take_back' | 'withdraw' | 'release' | 'reassign';

/** The decisions that are open to whoever looks; on a phone they stay at the bottom of the screen. */
export function Actions({
  context,
  versionNumber,
  onAct,
}: {
  readonly context: ReviewContext;
  readonly versionNumber: number;
  readonly onAct: (act: Act) => void;
}) {
  const { my, review } = context;
  const isOpen = review.status === 'PENDING';
  const canDecide = my.approve.allowed || my.reject.allowed || my.correct.allowed;
  const canUndo = my.take_back.allowed || my.withdraw.allowed;
  if (!(isOpen && canDecide) && !canUndo && !my.release.allowed && !my.reassign.allowed) {
    return null;
  }
  return (
    <div className="actions" role="group" aria-label="Decide">
      {isOpen && my.reject.allowed && (
        <Button look="plain" icon="cross" shortcut="r" onClick={() => onAct('reject')}>
          Reject
        </Button>
      )}
      {isOpen && my.correct.allowed && (
        <Button look="plain" icon="edit" shortcut="e" onClick={() => onAct('correct')}>
          Correct
        </Button>
      )}
      {isOpen && my.approve.allowed && (
        <Button look="main" icon="check" shortcut="a" onClick={() => onAct('approve')}>
          Approve version {versionNumber}
        </Button>
      )}
      {my.reassign.allowed && (
        <Button look="ghost" onClick={() => onAct('reassign')}>
          Reassign
        </Button>
      )}
      {my.take_back.allowed && (
        <Button look="plain" icon="undo" shortcut="b" onClick={() => onAct('take_back')}>
          Take my approval back
        </Button>
      )}
      {my.withdraw.allowed && (
        <Button look="plain" icon="undo" shortcut="u" onClick={() => onAct('withdraw')}>
          {context.release_at === null ? 'Withdraw approval' : 'Undo'}
        </Button>
      )}
      {my.release.allowed && (
        <Button look="main" icon="right" shortcut="g" onClick={() => onAct('release')}>
          Release
        </Button>
      )}
    </div>
  );
}
