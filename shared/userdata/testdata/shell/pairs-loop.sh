#!/bin/bash
for kv in ECS_CLUSTER=kv ECS_LOGLEVEL=warn 'ECS_CONTAINER_INSTANCE_TAGS={"a":"b c"}'; do
  echo $kv
done >> /etc/ecs/ecs.config
