#!/bin/bash
f() { [ "$1" = x ] || return 1; echo ECS_CLUSTER=ret >> /etc/ecs/ecs.config; }
if f y; then echo no; fi
f x && echo ECS_LOGLEVEL=warn >> /etc/ecs/ecs.config
f z || echo ECS_CHECKPOINT=true >> /etc/ecs/ecs.config
