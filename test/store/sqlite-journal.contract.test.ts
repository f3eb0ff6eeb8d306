import { describeJournal } from '../contract/journal-contract.ts';
import { TemporaryJournal } from './temporary-journal.ts';

describeJournal('SQLite journal', async () => {
  const store = new TemporaryJournal();
  return { open: () => store.takeOver(), dispose: () => store.dispose() };
});
