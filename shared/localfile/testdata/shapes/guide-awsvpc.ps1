<powershell>
Import-Module ECSTools
Initialize-ECSAgent -Cluster shop -EnableTaskIAMRole -EnableTaskENI -AwsvpcBlockIMDS -AwsvpcAdditionalLocalRoutes `
'["172.31.42.23/32"]'
</powershell>
