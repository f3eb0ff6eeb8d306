import { BlockList, isIP } from 'node:net';

const LINK_LOCAL = new BlockList();
LINK_LOCAL.addSubnet('169.254.0.0', 16, 'ipv4');
LINK_LOCAL.addSubnet('fe80::', 10, 'ipv6');
LINK_LOCAL.addAddress('fd00:ec2::254', 'ipv6');

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/** True for this machine: names under `localhost`, 127.0.0.0/8 and ::1. */
export function isLoopbackHost(host: string): boolean {
  const bare = withoutBrackets(host);
  return /(^|\.)localhost\.?$/i.test(bare) || isListed(LOOPBACK, bare);
}

/**
 * True for link-local addresses, where cloud hosts answer with their own credentials: records must never be sent
 * there, nor its answers read.
 */
export function isMetadataHost(host: string): boolean {
  return isListed(LINK_LOCAL, withoutBrackets(host));
}

function withoutBrackets(host: string): string {
  return host.replace(/^\[|\]$/g, '');
}

function isListed(list: BlockList, host: string): boolean {
  const family = isIP(host);
  return family !== 0 && list.check(host, family === 6 ? 'ipv6' : 'ipv4');
}
