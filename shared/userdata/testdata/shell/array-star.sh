#!/bin/bash
declare -a lines
lines[0]="ECS_CLUSTER=ix"
lines[1]="ECS_LOGLEVEL=warn"
( IFS=$'\n'; echo "${lines[*]}" ) >> /etc/ecs/ecs.config
