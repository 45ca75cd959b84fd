/** Which resources share a panel and what they are called there, as in the pictures that Podometer draws. */

import type { Unit } from "./units";

export interface PanelLine {
  resource: string;
  name: string;
  /** Stacked areas from the bottom up, else a line. */
  stacked?: true;
}

export interface Panel {
  id: string;
  title: string;
  unit: Unit;
  lines: PanelLine[];
  /** Left out where nothing happened. */
  onlyIfUsed?: true;
  /** Whose requests and limits are drawn. */
  granted?: "cpu" | "memory";
}

export const PANELS: Panel[] = [
  {
    id: "cpu",
    title: "CPU",
    unit: "cores",
    granted: "cpu",
    lines: [
      { resource: "cpu", name: "total" },
      { resource: "cpu_user", name: "user", stacked: true },
      { resource: "cpu_system", name: "system", stacked: true },
    ],
  },
  {
    id: "memory",
    title: "Memory",
    unit: "bytes",
    granted: "memory",
    lines: [
      { resource: "memory", name: "working set" },
      { resource: "memory_anon", name: "anonymous" },
      { resource: "memory_file", name: "file" },
    ],
  },
  { id: "throttled", title: "CPU throttled", unit: "share", onlyIfUsed: true, lines: [{ resource: "cpu_throttled", name: "throttled" }] },
  { id: "swap", title: "Swap", unit: "bytes", onlyIfUsed: true, lines: [{ resource: "swap", name: "swap" }] },
  {
    id: "disk",
    title: "Disk",
    unit: "bytes/s",
    lines: [
      { resource: "disk_read", name: "read" },
      { resource: "disk_write", name: "written" },
    ],
  },
  {
    id: "calls",
    title: "Read and write calls",
    unit: "bytes/s",
    lines: [
      { resource: "read_chars", name: "read" },
      { resource: "write_chars", name: "written" },
    ],
  },
  {
    id: "network",
    title: "Network",
    unit: "bytes/s",
    onlyIfUsed: true,
    lines: [
      { resource: "net_rx", name: "received" },
      { resource: "net_tx", name: "sent" },
    ],
  },
  {
    id: "processes",
    title: "Processes and threads",
    unit: "count",
    lines: [
      { resource: "processes", name: "processes" },
      { resource: "threads", name: "threads" },
    ],
  },
  {
    id: "pressure",
    title: "Pressure",
    unit: "share",
    onlyIfUsed: true,
    lines: [
      { resource: "cpu_pressure", name: "CPU" },
      { resource: "memory_pressure", name: "memory" },
      { resource: "io_pressure", name: "I/O" },
    ],
  },
  { id: "faults", title: "Major faults", unit: "1/s", onlyIfUsed: true, lines: [{ resource: "major_faults", name: "faults" }] },
];

export interface Choice {
  panel: Panel;
  line: PanelLine;
}

/** The panel and line of a resource; the processor where the name is unknown. */
export function choice(resource: string): Choice {
  for (const panel of PANELS) {
    const line = panel.lines.find((l) => l.resource === resource);
    if (line) return { panel, line };
  }
  const [panel] = PANELS as [Panel];
  return { panel, line: panel.lines[0] as PanelLine };
}

/** A resource in words: "Memory, anonymous". */
export function resourceTitle({ panel, line }: Choice): string {
  return panel.lines.length === 1 ? panel.title : `${panel.title}, ${line.name}`;
}
