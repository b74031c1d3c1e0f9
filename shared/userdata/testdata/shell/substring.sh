#!/bin/bash
AZ=us-west-2b
REGION=${AZ::-1}
REGION2=${AZ%?}
NAME=${AZ/us-/US}
SUF=${AZ##*-}
echo "ECS_CLUSTER=c-${REGION}-${#REGION}-${SUF}-${NAME:0:4}" >> /etc/ecs/ecs.config
echo "AWS_DEFAULT_REGION=$REGION2" >> /etc/ecs/ecs.config
