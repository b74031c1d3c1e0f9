#!/bin/bash
OPTS="ECS_CLUSTER=sp ECS_LOGLEVEL=warn"
for o in $OPTS; do echo $o >> /etc/ecs/ecs.config; done
