"""A task that reports for itself in plain text, as existing images do.

usage: plain_text.py CLIENT SECONDS required_tasks name order_id progress

CLIENT is confluent (librdkafka) or kafka-python. The last four arguments are what such tasks are given.
Like those that people have it takes itself for the last one by looking at the end of a text, so that the
task `a` of ['a', 'ba'] says STOP too early.
"""

import os
import sys
import time


def sender(client, servers):
    if client == "confluent":
        from confluent_kafka import Producer

        producer = Producer({"bootstrap.servers": servers})
        return producer.produce, producer.flush
    from kafka import KafkaProducer

    producer = KafkaProducer(bootstrap_servers=servers)
    send = lambda topic, value, key: producer.send(topic, value=value.encode(), key=key.encode())
    return send, producer.flush


def main():
    client, seconds, required, name, order, progress = sys.argv[1:]
    send, flush = sender(client, os.environ["KAFKA_BOOTSTRAP_SERVERS"])
    send("orchestrator", f"{required}:{name}:{order}", key="ORDER")
    flush()
    time.sleep(float(seconds))
    seen = progress.split(":")[1:]
    send("orchestrator", f"{progress}:{name} of {order} saw {len(seen)}", key="PROGRESS")
    send(f"task{order}", "HALT", key="HALT")
    if required.rstrip("]'").endswith(name):
        send(f"task{order}", "STOP", key="STOP")
    flush()
    # What stands on standard output must not be taken for the output.
    print("this is not the output")


main()
