/** What an operator has changed about capture while the organism runs; the audit chain keeps it and tells every node. */
export interface CaptureState {
  /** Grows with each change. */
  version: number;
  /** No event is captured anywhere. */
  off: boolean;
  /** Events beside those of the defaults and the settings: `order.**` or `page.seen=best-effort`. */
  events: string[];
}
