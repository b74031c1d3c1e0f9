#!/bin/bash
STAGES="dev qa prod"
for s in $STAGES; do
  [ "$s" = qa ] || continue
  echo "ECS_CLUSTER=st-$s" >> /etc/ecs/ecs.config
done
