#!/bin/bash
tee -a /etc/ecs/ecs.config <<< "ECS_CLUSTER=hs" >/dev/null
tee -a /etc/ecs/ecs.config >/dev/null <<< 'ECS_INSTANCE_ATTRIBUTES={"a":"b"}'
