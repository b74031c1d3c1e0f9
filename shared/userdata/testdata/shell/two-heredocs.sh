#!/bin/bash
{ cat <<A; cat <<B; } >> /etc/ecs/ecs.config
ECS_CLUSTER=two
A
ECS_LOGLEVEL=warn
B
