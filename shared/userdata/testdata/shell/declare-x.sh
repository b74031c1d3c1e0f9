#!/bin/bash
declare -x A=1
export -n A
B=2; export B
typeset -x C
C=3
readonly D=4
bash -c 'echo $A,$B,$C,$D' > /etc/ecs/ecs.config
