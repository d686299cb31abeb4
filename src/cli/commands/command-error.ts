/** Why a command could not be carried out before the server was asked; the message says what to do. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}
