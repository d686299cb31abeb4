import { Client } from 'pg';
import { OUTBOX_CHANNEL } from './outbox.js';

const RECONNECT_MS = 1_000;

/** Calls `onNotice` whenever something becomes due in the outbox, and after every reconnect. */
export function listenForMessages(url: string, onNotice: () => void): () => Promise<void> {
  return listen(url, OUTBOX_CHANNEL, onNotice);
}

/**
 * Calls `onNotice` with what is said on a channel, and with null after every (re)connect.
 *
 * It listens on a connection of its own, because a pooled one is handed on. Notices that were sent
 * while it was away are lost: null means that anything may have happened.
 *
 * @returns ends the listening
 */
export function listen(
  url: string,
  channel: string,
  onNotice: (payload: string | null) => void,
): () => Promise<void> {
  let current: Client | null = null;
  let timer: NodeJS.Timeout | null = null;
  let isStopped = false;

  const connect = async (): Promise<void> => {
    const client = new Client({ connectionString: url, application_name: 'countersign-listen' });
    let isLost = false;
    const lost = (): void => {
      if (isLost) {
        return;
      }
      isLost = true;
      client.end().catch(() => {});
      if (!isStopped) {
        timer = setTimeout(() => void connect(), RECONNECT_MS);
      }
    };
    client.on('error', lost);
    client.on('end', lost);
    client.on('notification', ({ payload }) => onNotice(payload ?? ''));
    current = client;
    try {
      await client.connect();
      await client.query(`listen ${client.escapeIdentifier(channel)}`);
      onNotice(null);
    } catch {
      lost();
    }
  };
  void connect();

  return async () => {
    isStopped = true;
    if (timer !== null) {
      clearTimeout(timer);
    }
    await current?.end().catch(() => {});
  };
}
