/** What is known of the place a journal would lie in. */
export interface JournalSurroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Magic number that `statfs` gives for the folder; absent where it could not be asked. */
  readonly fileSystemType?: number;
}

export type JournalPlace =
  | { readonly fit: 'good' }
  | { readonly fit: 'refused' | 'doubtful'; readonly got: string; readonly remedy: string };

/**
 * Network file systems by their `statfs` magic (Linux `magic.h`). SQLite's write-ahead log needs shared memory and
 * honest locks between processes of one host, which none of these gives (sqlite.org/wal.html, "all processes using a
 * database must be on the same host computer").
 */
const NETWORK_FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS (also EFS)'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB2'],
  [0x5346414f, 'AFS'],
  [0x00c36400, 'Ceph'],
  [0x0bd00bd0, 'Lustre'],
  [0x01021997, '9p'],
]);

const TMPFS = 0x01021994;

/** Says whether a journal may lie there, best effort: what cannot be recognised is taken as good. */
export function checkJournalPlace(surroundings: JournalSurroundings): JournalPlace {
  const { env, fileSystemType } = surroundings;
  const remedy = 'put it on a local disk that survives a restart';
  if (env.AWS_LAMBDA_FUNCTION_NAME !== undefined) {
    return { fit: 'refused', got: 'a Lambda function, whose disk is lost with it', remedy: RUN_ELSEWHERE };
  }
  if (env.AWS_EXECUTION_ENV === 'AWS_ECS_FARGATE') {
    return { fit: 'refused', got: 'a Fargate task, whose disk is lost with it', remedy: RUN_ELSEWHERE };
  }
  if (fileSystemType === undefined) return { fit: 'good' };
  const network = NETWORK_FILE_SYSTEMS.get(fileSystemType);
  if (network !== undefined) return { fit: 'refused', got: `a network file system, ${network}`, remedy };
  if (fileSystemType === TMPFS) return { fit: 'doubtful', got: 'tmpfs, which is lost at a restart', remedy };
  return { fit: 'good' };
}

const RUN_ELSEWHERE = 'run the worker on a host or container with a disk that survives';
