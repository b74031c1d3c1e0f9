#!/bin/bash
declare -A m=([a]=1 [b]='2 3')
m[c]=4
m+=([d]=5)
echo A=${m[a]} B=${m[b]} D=${m[d]} N=${#m[@]} > /etc/ecs/ecs.config
unset 'm[a]'
echo A=${m[a]-none} >> /etc/ecs/ecs.config
arr=(x y z); arr[5]=w
echo ${!arr[@]} ${arr[-1]} ${arr[@]:1:2} >> /etc/ecs/ecs.config
