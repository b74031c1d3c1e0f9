#!/bin/bash
log() { echo "$(date) $*" >&2; }
log starting
echo ECS_CLUSTER=lg | tee -a /etc/ecs/ecs.config | while read -r x; do log "$x"; done
