// The laws about events, each with records that keep it and records that break it.
import test from 'ava';
import { parseExposition } from '../../chaos/exposition.ts';
import { subjectOf } from '../../chaos/laws/sent.ts';
import {
  type ApiRequest,
  type Configuration,
  type Delivery,
  type EventsFile,
  type LoggedEvent,
  type Scrape,
  TRUE_EVENT,
  type WireRequest,
} from '../../chaos/record.ts';
import { broken, FILE_OF_NAME, LABELS, poll, START } from './records.ts';

const EVENTS: EventsFile = { webhook: true, signature: true, feedMs: undefined, completeMs: 5_000 };
const FEED: EventsFile = { ...EVENTS, webhook: false, feedMs: 1_000 };
/** At its start the process has asked about nothing for two seconds. */
const AT = 20_000;

function files(events: EventsFile): Configuration[] {
  return [{ ...FILE_OF_NAME, events }];
}

function event(at: number, attempts: readonly Delivery[]): LoggedEvent {
  const tag = { instanceId: 'cri-a', repoId: 'crr-api', repoNamespace: 'shop', repoName: 'api', tag: 'v1' };
  return { ...tag, id: 'e1', index: 0, happenedAt: START + at, isScan: true, attempts };
}

function sent(at: number, change: Partial<Delivery> = {}): Delivery {
  const { attempts: _, index: __, ...tag } = event(at, []);
  const times = { sentAt: START + at, answeredAt: START + at + 5 };
  return { kind: TRUE_EVENT, id: 'e1', tag, count: 1, status: 204, ...times, ...change };
}

function onWire(request: ApiRequest): WireRequest {
  const { index: id, accessKeyId, arrivedAtMs: at, arrivedMonotonicMs: fromMs } = request;
  const written = { accessKeyId, subject: subjectOf(request), at, fromMs, toMs: fromMs, overMs: fromMs + 10 };
  return { life: 0, id, ...written, isAnswered: true };
}

/** Requests about another tag, 50 ms apart. */
function others(from: number, count: number): ApiRequest[] {
  const parameters = { InstanceId: 'cri-a', RepoId: 'crr-api', Tag: 'v2' };
  return Array.from({ length: count }, (_, index) => poll(100 + index, from + 50 * index, { parameters }));
}

const END = [{ path: '/-/healthy', sentAt: START + 60_000, tookMs: 1, ok: true }];

/** The requests as both ends have noted them. */
function asked(requests: readonly ApiRequest[]) {
  return { requests, wire: requests.map(onWire), probes: END };
}

test('an accepted event whose tag is passed by more requests than its group leaves to others breaks the law', (t) => {
  const given = { configurations: files(EVENTS), events: [event(AT, [sent(AT)])] };
  t.is(broken('woken', { ...given, ...asked([...others(AT + 1_100, 5), poll(1, AT + 1_400)]) }), 0);
  t.is(broken('woken', { ...given, ...asked([...others(AT + 1_100, 20), poll(1, AT + 2_400)]) }), 1);
  t.is(broken('woken', { ...given, ...asked([poll(1, AT + 20), ...others(AT + 1_100, 20)]) }), 0);
  const before = asked([poll(1, AT - 100), ...others(AT + 1_100, 20)]);
  t.is(broken('woken', { ...given, ...before }), 1, 'an answer from before the event does not have its news');
  const refused = [event(AT, [sent(AT, { status: 401 })])];
  t.is(broken('woken', { ...given, events: refused, ...asked(others(AT + 1_100, 20)) }), 0);
  const repeated = [event(AT, [sent(AT), sent(AT + 10_000)])];
  const once = asked([poll(1, AT + 20), ...others(AT + 11_100, 20)]);
  t.is(broken('woken', { ...given, events: repeated, ...once }), 0, 'the second time it is no news');
});

test('an event in an answer of the feed whose tag is passed by too many requests breaks the law', (t) => {
  const answer = poll(0, AT + 3_000, {
    action: 'ListEventCenterRecord',
    parameters: { InstanceId: 'cri-a', PageNo: '1' },
  });
  const given = { configurations: files(FEED), events: [event(AT, [])] };
  t.is(broken('fed', { ...given, ...asked([answer, poll(1, AT + 3_200), ...others(AT + 3_300, 20)]) }), 0);
  t.is(broken('fed', { ...given, ...asked([answer, ...others(AT + 3_300, 20)]) }), 1);
  const late = [event(AT + 2_500, [])];
  t.is(broken('fed', { ...given, events: late, ...asked([answer, ...others(AT + 3_300, 20)]) }), 0, 'not listed');
  const failed = { ...answer, code: 'SystemError' };
  t.is(broken('fed', { ...given, ...asked([failed, ...others(AT + 3_300, 20)]) }), 0);
});

/** A scrape that shows the health and the counters of events. */
function scrape(at: number, health: number, lines: readonly string[] = []): Scrape {
  const text = ['acr_events_healthy{instance_id="cri-a"} '.concat(String(health)), ...lines, ''].join('\n');
  const times = { sentAt: START + at, answeredAt: START + at + 1 };
  return { life: 0, ...times, mode: 'text', exposition: parseExposition(text, false) };
}

test('a complete tag that is polled sooner than events.complete while its events are healthy breaks the law', (t) => {
  const calms = [{ from: START, equalAt: START + 500, to: START + 9_900, differences: [] }];
  const given = { calms, configurations: files(EVENTS) };
  const scrapes = (health: number) => [500, 3_000, 5_000, 9_000].map((at) => scrape(at, health));
  const requests = [poll(0, 1_000), poll(1, 3_500)];
  t.is(broken('sparse', { ...given, requests, scrapes: scrapes(1) }), 1);
  t.is(broken('sparse', { ...given, requests, scrapes: scrapes(0) }), 0);
  t.is(broken('sparse', { ...given, requests: [poll(0, 1_000), poll(1, 5_600)], scrapes: scrapes(1) }), 0);
  const events = [event(3_000, [sent(3_000)])];
  t.is(broken('sparse', { ...given, requests, events, scrapes: scrapes(1) }), 0, 'there is news');
});

test('events that are healthy without a source, or right after six missed ends, break the law', (t) => {
  const missed = (count: number) => `acr_events_missed_total{instance_id="cri-a"} ${count}`;
  const configurations = files(EVENTS);
  const run = (last: number) => [scrape(1_000, 1, [missed(0)]), scrape(1_250, last, [missed(6)])];
  t.is(broken('healthy', { configurations, scrapes: run(1) }), 1);
  t.is(broken('healthy', { configurations, scrapes: run(0) }), 0);
  const polls = Array.from({ length: 10 }, (_, index) => poll(index, 1_000 + 20 * index));
  t.is(broken('healthy', { configurations, scrapes: run(1), requests: polls }), 0, 'ten may have been announced since');
  const other = 'acr_events_healthy{instance_id="cri-c"} 1';
  t.is(broken('healthy', { configurations: files(FEED), scrapes: [scrape(1_000, 1, [other])] }), 1, 'it has no rule');
  t.is(broken('healthy', { configurations: files(FEED), scrapes: [scrape(1_000, 1)] }), 0);
});

test('events that are not healthy after ten announced ends in a row break the law', (t) => {
  const shown = (index: number) => {
    const status = index % 2 === 0 ? 'scanning' : 'complete';
    return [
      `acr_scan_tag_status{${LABELS},status="${status}"} 1`,
      `acr_scan_tag_info{${LABELS},repo_id="crr-api",digest=""} 1`,
      `acr_scan_tag_last_success_timestamp_seconds{${LABELS}} ${(START + 2_000 * index + 900) / 1_000}`,
    ];
  };
  const scrapes = (last: number) =>
    Array.from({ length: 24 }, (_, index) => scrape(2_000 * index + 1_000, index < 22 ? 0 : last, shown(index)));
  const events = Array.from({ length: 24 }, (_, index) => event(2_000 * index, [sent(2_000 * index + 10)]));
  t.true(broken('healthy', { configurations: files(EVENTS), scrapes: scrapes(0), events }) > 0);
  const few = events.slice(0, 8);
  t.is(broken('healthy', { configurations: files(EVENTS), scrapes: scrapes(0).slice(0, 20), events: few }), 0);
});

test('a forgery that is accepted, and a certificate of another host, break the law', (t) => {
  const expected = { signed: 401, unsigned: 204 };
  const forged = (status: number) => ({
    configurations: files(EVENTS),
    forgeries: [sent(AT, { kind: 'no signature', status, expected })],
  });
  t.is(broken('refused', forged(401)), 0);
  t.is(broken('refused', forged(429)), 0);
  t.is(broken('refused', forged(204)), 1);
  t.is(broken('refused', { ...forged(204), configurations: files({ ...EVENTS, signature: false }) }), 0);
  t.is(broken('refused', { ...forged(204), configurations: files({ ...EVENTS, webhook: false }) }), 1);
  t.is(broken('refused', { ...forged(404), configurations: files({ ...EVENTS, webhook: false }) }), 0);
  const fetched = (url: string) => ({ certificateFetches: [{ life: 0, url, at: START + AT }] });
  const host = 'https://cn-hangzhou-eventbridge.oss-accelerate.aliyuncs.com';
  t.is(broken('refused', fetched(`${host}/forger.pem`)), 0);
  t.is(broken('refused', fetched(`${host}@elsewhere.example/forger.pem`)), 1);
});

test('an event that is answered and not counted, or counted and not sent, breaks the law', (t) => {
  const count = (refused: number) =>
    `acr_events_total{instance_id="",type="",channel="webhook",outcome="refused"} ${refused}`;
  const given = (refused: number) => ({
    configurations: files(EVENTS),
    scrapes: [scrape(1_000, 0, [count(0)]), scrape(8_000, 0, [count(refused)])],
    forgeries: [sent(3_000, { kind: 'no token', status: 401 })],
  });
  t.is(broken('counted', given(1)), 0);
  t.is(broken('counted', given(0)), 1);
  t.is(broken('counted', given(2)), 1);
  const flood = [sent(3_000, { kind: 'a flood', status: 401, count: 100 })];
  t.is(broken('counted', { ...given(1), forgeries: flood }), 0, 'a body that is refused is not looked into');
});

test('what an event may have caused keeps the laws about intervals, and a poll without one breaks them', (t) => {
  const calms = [{ from: START, equalAt: START + 500, to: START + 9_900, differences: [] }];
  const requests = [poll(0, 2_000), poll(1, 3_000)];
  const given = { calms, requests, configurations: files(EVENTS) };
  t.is(broken('interval', given), 1);
  t.is(broken('interval', { ...given, events: [event(2_500, [sent(2_500)])] }), 0);
  t.is(broken('interval', { ...given, events: [event(2_500, [])] }), 1, 'it was never sent');
  t.is(broken('interval', { ...given, configurations: files(FEED), events: [event(2_500, [])] }), 0, 'the feed has it');
});

test('a counter of events that falls breaks the law, unless its channel was switched off', (t) => {
  const series = 'acr_events_total{instance_id="cri-a",type="ScanCompleted",channel="webhook",outcome="taken"}';
  const typed = (at: number, count: number) => scrape(at, 0, ['# TYPE acr_events_total counter', `${series} ${count}`]);
  const scrapes = [typed(1_000, 5), typed(3_000, 1)];
  t.is(broken('counters', { scrapes, configurations: files(EVENTS) }), 1);
  const [on] = files(EVENTS);
  const [off] = files({ ...EVENTS, webhook: false });
  if (on === undefined || off === undefined) throw new Error('expected two files');
  const at = (file: Configuration, from: number) => ({ ...file, toldAt: START + from, inForceAt: START + from + 100 });
  t.is(broken('counters', { scrapes, configurations: [on, at(off, 1_500), at(on, 2_000)] }), 0);
});
