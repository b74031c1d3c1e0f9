#!/bin/bash
set -e
trap 'echo failed' ERR
[ -z "$UNSET_VAR" ] && NAME=was-empty
[ -n "$NAME" ] || NAME=never
test "$NAME" != x && echo ECS_CLUSTER=$NAME >> /etc/ecs/ecs.config
