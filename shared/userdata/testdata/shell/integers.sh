#!/bin/bash
M=2048
R=$((M*10/100))
[ $R -lt 256 ] && R=256
echo ECS_RESERVED_MEMORY=$R > /etc/ecs/ecs.config
(( R > 100 )) && (( R-- ))
echo $R >> /etc/ecs/ecs.config
echo $((R/2))$((R%2)) $(( (1+2)*3 )) $((1&&0)) $((5>3)) >> /etc/ecs/ecs.config
R+=1; echo $R >> /etc/ecs/ecs.config
declare -i Z=5; Z+=1; echo $Z >> /etc/ecs/ecs.config
