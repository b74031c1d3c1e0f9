<powershell>
$ClusterName = "shop"
[Environment]::SetEnvironmentVariable("ECS_CLUSTER", "$ClusterName-win", [System.EnvironmentVariableTarget]::Machine)
Initialize-ECSAgent -Cluster "$ClusterName-win" -EnableTaskIAMRole:$false
</powershell>
