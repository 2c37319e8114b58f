function Get-FirstProperty {
    # The value of the first of these properties that the object has; nothing when it has none.
    param($Object, [string[]]$Name)

    foreach ($one in $Name) {
        $property = $Object.PSObject.Properties[$one]
        if ($null -ne $property -and $null -ne $property.Value) {
            return $property.Value
        }
    }
}
