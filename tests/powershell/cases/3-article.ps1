# The command lines that people know, with the noun's VM replaced, one after the other.

Test 'article: suspend, then resynchronize a replication that is healthy' {
    Resume-VRepReplication -VMName "MyVM" -Resynchronize -Wait
    Suspend-VRepReplication -VMName "MyVM"
    Assert-Equal Suspended (Get-VRepReplication -VMName "MyVM").ReplicationState 'suspended'
    Resume-VRepReplication -VMName "MyVM" -Resynchronize
    Wait-State MyVM Replicating
}

Test 'article: Get-VRepReplication -VMName "MyVM", Get-VRepReplication *' {
    Assert-Equal MyVM (Get-VRepReplication -VMName "MyVM").VMName 'one'
    Assert (@(Get-VRepReplication *).Count -ge 3) 'all'
}
