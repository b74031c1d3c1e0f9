#!/bin/bash
OPTS="ECS_CLUSTER=sc;ECS_LOGLEVEL=warn"
IFS=';'
for o in $OPTS; do echo "$o" >> /etc/ecs/ecs.config; done
unset IFS
