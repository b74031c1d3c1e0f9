#!/bin/bash
F=/etc/ecs/ecs.config
>$F
>>$F echo ECS_CLUSTER=pre
echo ECS_LOGLEVEL=warn 1>>"$F"
echo ECS_CHECKPOINT=true &>>$F
