<powershell>
[Environment]::SetEnvironmentVariable("ECS_ENABLE_AWSLOGS_EXECUTIONROLE_OVERRIDE", $TRUE, "Machine")
Initialize-ECSAgent -Cluster shop -EnableTaskIAMRole -LoggingDrivers '["json-file","awslogs"]'
</powershell>
