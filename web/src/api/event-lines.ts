/** One event of a stream of server-sent events. */
export type StreamEvent = {
  readonly event: string;
  readonly data: string;
  readonly id: string | null;
};

/**
 * Makes a reader of an event stream: it is fed text as it arrives and gives the events that are complete.
 *
 * Comments give no event; whoever feeds it knows from the text itself that the stream is alive.
 */
export function createEventReader(): (text: string) => readonly StreamEvent[] {
  let rest = '';
  let event = '';
  let data: string[] = [];
  let id: string | null = null;
  return (text) => {
    const events: StreamEvent[] = [];
    const lines = (rest + text).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line === '') {
        if (data.length > 0) {
          events.push({ event: event === '' ? 'message' : event, data: data.join('\n'), id });
        }
        event = '';
        data = [];
        continue;
      }
      const [, name = '', value = ''] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
      if (name === 'event') {
        event = value;
      } else if (name === 'data') {
        data.push(value);
      } else if (name === 'id') {
        id = value;
      }
    }
    return events;
  };
}
