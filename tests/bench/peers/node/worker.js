// Drains an SQS queue of logins into PostgreSQL. sqs-consumer receives, and deletes what the handler returns; what it
// does not return comes back by itself when its visibility timeout is over.
import { SQSClient } from '@aws-sdk/client-sqs';
import { Consumer } from 'sqs-consumer';

import { BadLogin, rowOf } from './login.js';
import { Store } from './store.js';

const { QUEUE_URL, DATABASE_URL } = process.env;
const CONSUMERS = Number(process.env.CONSUMERS ?? Math.min(Number(process.env.CONCURRENCY ?? 8), 16));
const BATCH_ROWS = Number(process.env.BATCH_ROWS ?? 1000);
const DRAIN = process.env.BENCH_DRAIN === '1';
const EMPTY_FOR_MS = 2000;

const sqs = new SQSClient({ requestHandler: { httpAgent: { maxSockets: 2 * CONSUMERS }, httpsAgent: { maxSockets: 2 * CONSUMERS } } });
const store = new Store(DATABASE_URL, BATCH_ROWS);
let lastMessage = Date.now();

async function handleMessageBatch(messages) {
  lastMessage = Date.now();
  const good = [];
  const rows = [];
  for (const message of messages) {
    try {
      rows.push(rowOf(message));
      good.push(message);
    } catch (error) {
      if (!(error instanceof BadLogin)) throw error;
      console.error(`message ${message.MessageId}: ${error.message}`); // left to the queue's redrive policy
    }
  }
  if (rows.length > 0) await store.add(rows);
  return good;
}

function makeConsumer() {
  const consumer = Consumer.create({
    queueUrl: QUEUE_URL,
    sqs,
    handleMessageBatch,
    batchSize: 10,
    waitTimeSeconds: DRAIN ? 1 : 20,
    pollingWaitTimeMs: 0,
    messageSystemAttributeNames: ['SentTimestamp'],
    suppressFifoWarning: true,
  });
  // A server's text may quote a row: only its code is logged.
  for (const event of ['error', 'processing_error', 'timeout_error'])
    consumer.on(event, (error) => console.error(`${event}: ${error.code ?? error.name}`));
  return consumer;
}

const consumers = Array.from({ length: CONSUMERS }, makeConsumer);
let running = consumers.length;

function stop(abort) {
  for (const consumer of consumers) consumer.stop({ abort });
}

for (const consumer of consumers) {
  if (DRAIN) consumer.on('empty', () => Date.now() - lastMessage >= EMPTY_FOR_MS && consumer.stop());
  consumer.on('stopped', async () => {
    if (--running === 0) {
      await store.end();
      sqs.destroy();
    }
  });
  consumer.start();
}
process.once('SIGTERM', () => stop(true));
