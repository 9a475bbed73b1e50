// The durable queues that RabbitMQ gets from its definitions file: RabbitMQ 4 refuses a queue that is not declared. The tests
// choose one by its number: queueOn in tests/interop/support/brokers.ts.

/** test-1 ... test-40: one for each test that wants a queue of its own. */
export const queueNames = Array.from({ length: 40 }, (_, i) => `test-${i + 1}`);
