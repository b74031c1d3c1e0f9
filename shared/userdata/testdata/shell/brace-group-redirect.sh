#!/bin/bash
(
cat <<'A'
ECS_CLUSTER=grp
A
echo ECS_LOGLEVEL=crit
) > /etc/ecs/ecs.config
