#!/bin/bash
declare -A M=([ECS_CLUSTER]=as [ECS_LOGLEVEL]=warn)
printf 'ECS_CLUSTER=%s\nECS_LOGLEVEL=%s\n' "${M[ECS_CLUSTER]}" "${M[ECS_LOGLEVEL]}" > /etc/ecs/ecs.config
