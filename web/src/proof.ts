// Checks readings against a reported root, as docs/protocol.md has it: hashes and sums, level by level.
import type { Hex } from "viem";
import { concat, keccak256, numberToHex, pad } from "viem/utils";
import type { Reading, Report } from "./api";

const LEAF: Hex = "0x00";
const NODE: Hex = "0x01";
const LANE_BITS = 64n;
const LANE_MOST = (1n << LANE_BITS) - 1n;

export interface Checked {
  facility: number;
  holds: boolean;
}

export function leadsToRoot(reading: Reading, report: Report): boolean {
  let sums = packed([...reading.raw, reading.public_output]);
  let hash = keccak256(concat([LEAF, numberToHex(reading.facility, { size: 4 }), word(sums), reading.digest as Hex]));
  let place = reading.facility;
  if (reading.siblings.length !== depthOf(report.facility_count) || place >= report.facility_count) return false;
  for (const sibling of reading.siblings) {
    const own = { hash, sums: word(sums) };
    const [left, right] = place % 2 ? [sibling, own] : [own, sibling];
    const added = added64(sums, BigInt(sibling.sums));
    if (added === undefined) return false;
    sums = added;
    hash = keccak256(concat([NODE, left.hash as Hex, left.sums as Hex, right.hash as Hex, right.sums as Hex]));
    place = Math.floor(place / 2);
  }
  return hash === report.root && sums === packed([...report.raw, report.reported_output]);
}

// The least depth with room for every facility.
function depthOf(facilities: number): number {
  return facilities < 2 ? 0 : (facilities - 1).toString(2).length;
}

function packed(lanes: string[]): bigint {
  return lanes.reduce((sums, lane) => (sums << LANE_BITS) | BigInt(lane), 0n);
}

// Lane by lane; undefined where one would pass 64 bits.
function added64(one: bigint, other: bigint): bigint | undefined {
  let sums = 0n;
  for (let shift = 0n; shift < 4n * LANE_BITS; shift += LANE_BITS) {
    const lane = ((one >> shift) & LANE_MOST) + ((other >> shift) & LANE_MOST);
    if (lane > LANE_MOST) return undefined;
    sums |= lane << shift;
  }
  return sums;
}

function word(sums: bigint): Hex {
  return pad(numberToHex(sums), { size: 32 });
}
