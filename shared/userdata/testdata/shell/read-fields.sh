#!/bin/bash
IFS=, read -r A B C <<< "one,two,three,four"
IFS=: read -ra P <<< "x:y:z"
echo "ECS_CLUSTER=$A-$B" >> /etc/ecs/ecs.config
echo "ECS_INSTANCE_ATTRIBUTES={\"c\":\"$C\",\"p\":\"${P[1]}\",\"n\":\"${#P[@]}\"}" >> /etc/ecs/ecs.config
