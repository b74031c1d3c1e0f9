#!/bin/bash
N=${HOSTNAME_X:+set}
M="${N:-unset}"
S="a.b.c"; S=${S//./-}
echo ECS_CLUSTER=$S-${S#*-}-${S%%-*} >> /etc/ecs/ecs.config
