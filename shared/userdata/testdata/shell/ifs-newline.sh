#!/bin/bash
OLD_IFS="$IFS"; IFS=$'\n'
for l in $(printf 'ECS_CLUSTER=a b\nECS_LOGLEVEL=warn'); do echo "$l"; done >> /etc/ecs/ecs.config
IFS="$OLD_IFS"
