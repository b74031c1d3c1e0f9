<powershell>
$Region = Get-EC2InstanceMetadata -Category Region | Select-Object -ExpandProperty SystemName
Initialize-ECSAgent -Cluster ${cluster_name} -EnableTaskIamRole -EnableTaskMetadata
setx ECS_CONTAINER_STOP_TIMEOUT "2m" /M
[Environment]::SetEnvironmentVariable("AWS_DEFAULT_REGION", $Region, "Machine")
</powershell>
