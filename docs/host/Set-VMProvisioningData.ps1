<#
.SYNOPSIS
Gives a Hyper-V virtual machine its Ignition config and cloud-init data as key-value pairs.

.DESCRIPTION
Cuts documents into key-value pairs (KVP) that fit, and sets, replaces or removes them for one
virtual machine by WMI, whether it is off or running. A manifest, set last, tells the guest which
documents are meant to come and whether each is whole. Keys of an earlier, longer document go, and
so do documents that the manifest does not list. Keys of others stay as they are.

The keys are those of "hyperv-kvp encode", its output can be given with -KeyFile or -Keys.

Set the keys before the first boot. Everybody who may administer this host can read them.

.PARAMETER VMName
The virtual machine's name as Hyper-V Manager shows it.

.PARAMETER VMId
Its GUID, where several machines have the same name: (Get-VM NAME).Id

.PARAMETER Ignition
File with an Ignition config. It is not encoded, so that Ignition itself can read it too.

.PARAMETER UserData
File with cloud-init user-data: cloud-config, a script, MIME, or gzip of these.

.PARAMETER MetaData
File with cloud-init meta-data, YAML or JSON.

.PARAMETER VendorData
File with cloud-init vendor-data.

.PARAMETER NetworkConfig
File with a cloud-init network configuration, version 1 or 2.

.PARAMETER Encoding
How cloud-init's documents are wrapped. auto: what fits one key stays readable, the rest becomes
gzip+base64.

.PARAMETER KeyFile
File with keys as "hyperv-kvp encode --format json" prints them.

.PARAMETER Keys
Ordered dictionary of keys, as the output of "hyperv-kvp encode --format powershell" gives it.

.PARAMETER Remove
Removes documents: all of them, or those named by -Document.

.PARAMETER Get
Lists the keys of this virtual machine on the host and, while it runs, those that the guest reports.

.PARAMETER Unredacted
With -Get: shows values too. They may hold passwords and keys.

.PARAMETER Wait
Seconds to wait, after setting, for the guest to report that cloud-init has finished. Needs
"reporting: {hyperv: {type: hyperv}}" in the guest's cloud-init configuration.

.PARAMETER TimeoutSeconds
How long one call to Hyper-V may take.

.PARAMETER SelfTest
Checks splitting, hashing and encoding on this PowerShell against known results. Needs no Hyper-V.

.EXAMPLE
.\Set-VMProvisioningData.ps1 -VMName web1 -Ignition .\web1.ign

.EXAMPLE
.\Set-VMProvisioningData.ps1 web1 -UserData .\user-data -MetaData .\meta-data -NetworkConfig .\net
Start-VM web1

.EXAMPLE
.\Set-VMProvisioningData.ps1 web1 -KeyFile .\keys.json
Sets the keys that "hyperv-kvp encode --user-data user-data --format json" made on another machine.

.EXAMPLE
.\Set-VMProvisioningData.ps1 web1 -Remove -Document user-data
#>
#Requires -Version 5.1

[CmdletBinding(SupportsShouldProcess = $true, DefaultParameterSetName = 'Files')]
param(
    [Parameter(Mandatory = $true, Position = 0, ParameterSetName = 'Files')]
    [Parameter(Mandatory = $true, Position = 0, ParameterSetName = 'KeyFile')]
    [Parameter(Mandatory = $true, Position = 0, ParameterSetName = 'Keys')]
    [Parameter(Mandatory = $true, Position = 0, ParameterSetName = 'Remove')]
    [Parameter(Mandatory = $true, Position = 0, ParameterSetName = 'Get')]
    [string] $VMName,

    [string] $VMId = '',

    [Parameter(ParameterSetName = 'Files')]
    [string] $Ignition,

    [Parameter(ParameterSetName = 'Files')]
    [string] $UserData,

    [Parameter(ParameterSetName = 'Files')]
    [string] $MetaData,

    [Parameter(ParameterSetName = 'Files')]
    [string] $VendorData,

    [Parameter(ParameterSetName = 'Files')]
    [string] $NetworkConfig,

    [Parameter(ParameterSetName = 'Files')]
    [ValidateSet('auto', 'none', 'base64', 'gzip+base64')]
    [string] $Encoding = 'auto',

    [Parameter(Mandatory = $true, ParameterSetName = 'KeyFile')]
    [string] $KeyFile,

    [Parameter(Mandatory = $true, ParameterSetName = 'Keys')]
    [System.Collections.IDictionary] $Keys,

    [Parameter(Mandatory = $true, ParameterSetName = 'Remove')]
    [switch] $Remove,

    [Parameter(ParameterSetName = 'Remove')]
    [ValidateSet('ignition', 'user-data', 'meta-data', 'vendor-data', 'network-config')]
    [string[]] $Document = @('ignition', 'user-data', 'meta-data', 'vendor-data', 'network-config'),

    [Parameter(Mandatory = $true, ParameterSetName = 'Get')]
    [switch] $Get,

    [Parameter(ParameterSetName = 'Get')]
    [switch] $Unredacted,

    [Parameter(ParameterSetName = 'Files')]
    [Parameter(ParameterSetName = 'KeyFile')]
    [Parameter(ParameterSetName = 'Keys')]
    [int] $Wait = 0,

    [ValidateRange(1, 3600)]
    [int] $TimeoutSeconds = 60,

    [Parameter(Mandatory = $true, ParameterSetName = 'SelfTest')]
    [switch] $SelfTest
)

Set-StrictMode -Version 2
$ErrorActionPreference = 'Stop'

# ---- Documents and keys. Nothing in this part touches Hyper-V. ----

$DocumentNames = @('ignition.config', 'cloud-init.user-data', 'cloud-init.meta-data',
    'cloud-init.vendor-data', 'cloud-init.network-config')
$ManifestKey = 'cloud-init.manifest'

# On the wire a value has 1,024 UTF-16 units with its NUL; in the guest it has 2,048 bytes of UTF-8
# with its NUL.
$ValueUnits = 1023
$ValueBytes = 2047

# UTF-8 that refuses what is not UTF-8 instead of putting question marks into it.
$Utf8 = New-Object System.Text.UTF8Encoding($false, $true)

function Get-DocumentName {
    # The document of a short name: user-data, ignition.
    param([string] $ShortName)
    if ($ShortName -ceq 'ignition') { return 'ignition.config' }
    return 'cloud-init.' + $ShortName
}

function Get-DocumentOfKey {
    # The document that a key belongs to; an empty string for the manifest and for foreign keys.
    param([string] $Key)
    foreach ($name in $DocumentNames) {
        if ($Key -ceq $name -or $Key -ceq ($name + '.encoding')) { return $name }
        if ($Key.StartsWith($name + '.', [System.StringComparison]::Ordinal)) {
            $suffix = $Key.Substring($name.Length + 1)
            if ($suffix -cmatch '^(0|[1-9][0-9]{0,8})\z') { return $name }
        }
    }
    return ''
}

function Split-DocumentText {
    # Cuts a text into chunks, each as long as a value may be and none inside a character.
    param([string] $Text)
    if ($Text.IndexOf([char]0) -ge 0) {
        throw 'The text holds a NUL, which ends a value. Encode it as gzip+base64 or take the NUL out.'
    }
    $chunks = New-Object 'System.Collections.Generic.List[string]'
    $start = 0
    while ($start -lt $Text.Length) {
        $length = [Math]::Min($ValueUnits, $Text.Length - $start)
        if ($Utf8Lenient.GetByteCount($Text.Substring($start, $length)) -ne $length) {
            $length = Measure-FittingText $Text $start
        }
        $chunks.Add($Text.Substring($start, $length))
        $start += $length
    }
    if ($chunks.Count -eq 0) { $chunks.Add('') }
    return , $chunks.ToArray()
}

# For counting only: a piece of a text may end in the middle of a surrogate pair.
$Utf8Lenient = New-Object System.Text.UTF8Encoding($false)

function Measure-FittingText {
    # How many UTF-16 units of a text from a position on fit one value, in whole characters.
    param([string] $Text, [int] $Start)
    $end = $Start
    $bytes = 0
    while ($end -lt $Text.Length) {
        $code = [int] $Text[$end]
        $units = 1
        if ($code -lt 0x80) { $size = 1 }
        elseif ($code -lt 0x800) { $size = 2 }
        elseif ($code -ge 0xD800 -and $code -le 0xDBFF) { $units = 2; $size = 4 }
        else { $size = 3 }
        if (($end + $units - $Start) -gt $ValueUnits -or ($bytes + $size) -gt $ValueBytes) { break }
        $end += $units
        $bytes += $size
    }
    return $end - $Start
}

function Get-Sha256 {
    # Of a text's UTF-8, hexadecimal.
    param([string] $Text)
    $algorithm = [System.Security.Cryptography.SHA256]::Create()
    $hash = $algorithm.ComputeHash($Utf8.GetBytes($Text))
    return [System.BitConverter]::ToString($hash).Replace('-', '').ToLowerInvariant()
}

function Test-Gzip {
    param([byte[]] $Data)
    return $Data.Length -gt 2 -and $Data[0] -eq 0x1f -and $Data[1] -eq 0x8b
}

function Compress-Data {
    param([byte[]] $Data)
    $buffer = New-Object System.IO.MemoryStream
    $level = [System.IO.Compression.CompressionLevel]::Optimal
    $stream = New-Object System.IO.Compression.GZipStream($buffer, $level, $true)
    $stream.Write($Data, 0, $Data.Length)
    $stream.Dispose()
    return , $buffer.ToArray()
}

function Expand-Data {
    param([byte[]] $Data)
    $buffer = New-Object System.IO.MemoryStream(, $Data)
    $mode = [System.IO.Compression.CompressionMode]::Decompress
    $stream = New-Object System.IO.Compression.GZipStream($buffer, $mode)
    $result = New-Object System.IO.MemoryStream
    $stream.CopyTo($result)
    $stream.Dispose()
    return , $result.ToArray()
}

function ConvertFrom-Utf8 {
    param([byte[]] $Data, [string] $What)
    try { return $Utf8.GetString($Data) }
    catch { throw "$What is not UTF-8 text. Save it as UTF-8 and try again." }
}

function Select-Encoding {
    # Text in one value that a person can read on the host, or else what takes the fewest keys.
    param([string] $Name, [byte[]] $Data)
    if ($Name -ceq 'ignition.config') { return '' }
    if ((Test-Gzip $Data) -or $Data.Length -gt $ValueBytes) { return 'gzip+base64' }
    $text = ConvertFrom-Utf8 $Data $Name
    if ($text.Length -gt $ValueUnits) { return 'gzip+base64' }
    # The keys travel as XML, which has few control characters and changes carriage returns.
    if ($text -cmatch '[\x00-\x08\x0b-\x1f\x7f\ufffe\uffff]') { return 'gzip+base64' }
    if ($text.Trim(" `t`n".ToCharArray()).Length -eq 0) { return 'gzip+base64' }
    return ''
}

function ConvertTo-Chunks {
    # One document to its chunks and its entry in the manifest.
    param([string] $Name, [byte[]] $Data, [string] $Wanted)
    if ($Data.Length -eq 0) { throw "$Name is empty. Leave it out, or remove it with -Remove." }
    $encoding = $Wanted
    if ($Wanted -ceq 'none') { $encoding = '' }
    if ($Wanted -ceq 'auto' -or $Name -ceq 'ignition.config') {
        $encoding = Select-Encoding $Name $Data
    }
    $plain = $Data
    if ((Test-Gzip $Data) -and $encoding -cne '') { $plain = Expand-Data $Data }
    $text = ConvertFrom-Utf8 $plain $Name
    if ($encoding -cne '') {
        $packed = $Data
        if ($encoding -ceq 'gzip+base64' -and -not (Test-Gzip $Data)) { $packed = Compress-Data $Data }
        $text = [System.Convert]::ToBase64String($packed)
    }
    $chunks = Split-DocumentText $text
    $entry = @{ Chunks = $chunks.Length; Sha256 = (Get-Sha256 $text); Encoding = $encoding }
    return @{ Chunks = $chunks; Entry = $entry }
}

function ConvertTo-Manifest {
    # The manifest's value, character by character what hyperv-kvp writes.
    param([System.Collections.IDictionary] $Entries)
    $parts = New-Object 'System.Collections.Generic.List[string]'
    foreach ($name in $DocumentNames) {
        if ($Entries.Contains($name)) {
            $entry = $Entries[$name]
            $parts.Add(('"{0}":{{"chunks":{1},"sha256":"{2}","encoding":"{3}"}}' -f
                    $name, $entry.Chunks, $entry.Sha256, $entry.Encoding))
        }
    }
    return '{"version":1,"documents":{' + ($parts.ToArray() -join ',') + '}}'
}

function ConvertFrom-Manifest {
    # The entries of a manifest's value.
    param([string] $Text)
    $advice = 'Remove all documents with -Remove and set them again.'
    try { $value = ConvertFrom-Json -InputObject $Text }
    catch { throw "The key $ManifestKey of this virtual machine is not JSON. $advice" }
    if ($null -eq $value -or -not $value.PSObject.Properties['version'] -or $value.version -ne 1 -or
        -not $value.PSObject.Properties['documents']) {
        throw "The key $ManifestKey of this virtual machine is not a manifest of version 1. $advice"
    }
    $entries = @{}
    foreach ($property in $value.documents.PSObject.Properties) {
        $fields = $property.Value.PSObject.Properties
        if ($DocumentNames -cnotcontains $property.Name -or
            -not $fields['chunks'] -or -not $fields['sha256']) {
            throw "The entry $($property.Name) in the key $ManifestKey is damaged. $advice"
        }
        $encoding = ''
        if ($fields['encoding']) { $encoding = $fields['encoding'].Value }
        $entries[$property.Name] = @{ Chunks = [int] $fields['chunks'].Value
            Sha256 = [string] $fields['sha256'].Value; Encoding = [string] $encoding }
    }
    return $entries
}

function Get-DocumentKeys {
    # The keys of a document that is set already: numbered ones, or the single one.
    param([System.Collections.IDictionary] $Current, [string] $Name, [int] $Chunks)
    $found = New-Object 'System.Collections.Generic.List[string]'
    if ($Chunks -eq 1 -and -not $Current.Contains("$Name.0") -and $Current.Contains($Name)) {
        $found.Add($Name)
        return , $found.ToArray()
    }
    for ($number = 0; $number -lt $Chunks -or $Chunks -eq 0; $number++) {
        if (-not $Current.Contains("$Name.$number")) { break }
        $found.Add("$Name.$number")
    }
    return , $found.ToArray()
}

function Get-RemainingEntries {
    # The entries of documents that are set already and are neither replaced nor removed.
    param([System.Collections.IDictionary] $Current, [string[]] $Leaving)
    $listed = $null
    if ($Current.Contains($ManifestKey) -and $Current[$ManifestKey] -cne '') {
        $others = 0
        foreach ($pair in $Current.GetEnumerator()) {
            $name = Get-DocumentOfKey $pair.Key
            if ($name -cne '' -and $Leaving -cnotcontains $name) { $others++ }
        }
        if ($others -eq 0) { return @{} }
        $listed = ConvertFrom-Manifest $Current[$ManifestKey]
    }
    $entries = @{}
    foreach ($name in $DocumentNames) {
        if ($Leaving -ccontains $name) { continue }
        if ($null -ne $listed) {
            if (-not $listed.Contains($name)) { continue }
            $entry = $listed[$name]
            $keys = Get-DocumentKeys $Current $name $entry.Chunks
        }
        else {
            # Set by hand: a single key that is not empty wins, as Ignition has it.
            $encoding = ''
            if ($Current.Contains("$name.encoding")) { $encoding = $Current["$name.encoding"] }
            if ($Current.Contains($name) -and $Current[$name] -cne '') { $keys = @($name) }
            else { $keys = Get-DocumentKeys $Current $name 0 }
            if ($keys.Length -eq 0) { continue }
            $entry = @{ Chunks = $keys.Length; Sha256 = ''; Encoding = $encoding }
        }
        $text = ''
        foreach ($key in $keys) { $text += $Current[$key] }
        $hash = Get-Sha256 $text
        if ($entry.Sha256 -cne '' -and ($keys.Length -ne $entry.Chunks -or $entry.Sha256 -ne $hash)) {
            throw ("The document $name, which would stay, is damaged on the host: $($keys.Length) of " +
                "$($entry.Chunks) keys are there. Set it again in the same call, or remove it.")
        }
        $entry.Sha256 = $hash
        $entry['KeyNames'] = $keys
        $entries[$name] = $entry
    }
    return $entries
}

function Get-KeyPlan {
    # What to add, modify and remove so that the current keys become the wanted ones. The manifest
    # comes last in each.
    param(
        [System.Collections.IDictionary] $Current,
        [System.Collections.IDictionary] $Chunks,
        [System.Collections.IDictionary] $Entries,
        [string[]] $Removed
    )
    $leaving = @($Entries.Keys) + $Removed
    $remaining = Get-RemainingEntries $Current $leaving
    $final = New-Object System.Collections.Specialized.OrderedDictionary
    foreach ($name in $DocumentNames) {
        if ($remaining.Contains($name)) {
            foreach ($key in $remaining[$name].KeyNames) { $final[$key] = $Current[$key] }
        }
    }
    foreach ($key in $Chunks.Keys) { $final[$key] = $Chunks[$key] }
    $all = @{}
    foreach ($name in $remaining.Keys) { $all[$name] = $remaining[$name] }
    foreach ($name in $Entries.Keys) { $all[$name] = $Entries[$name] }
    if ($all.Count -gt 0) { $final[$ManifestKey] = ConvertTo-Manifest $all }

    $add = New-Object System.Collections.Specialized.OrderedDictionary
    $modify = New-Object System.Collections.Specialized.OrderedDictionary
    $remove = New-Object System.Collections.Specialized.OrderedDictionary
    foreach ($key in $final.Keys) {
        if (-not $Current.Contains($key)) { $add[$key] = $final[$key] }
        elseif ($Current[$key] -cne $final[$key]) { $modify[$key] = $final[$key] }
    }
    # Not $Current.Keys: a foreign key might be named "Keys", and PowerShell would give its value.
    foreach ($pair in $Current.GetEnumerator()) {
        if ((Get-DocumentOfKey $pair.Key) -cne '' -and -not $final.Contains($pair.Key)) {
            $remove[$pair.Key] = ''
        }
    }
    if ($Current.Contains($ManifestKey) -and -not $final.Contains($ManifestKey)) {
        $remove[$ManifestKey] = ''
    }
    return @{ Wanted = $final; ToAdd = $add; ToModify = $modify; ToRemove = $remove; Documents = $all }
}

function Read-DocumentFile {
    # A file's bytes as UTF-8 without a byte order mark; Windows editors like to write one, and
    # UTF-16.
    param([string] $Path)
    $full = $PSCmdlet.GetUnresolvedProviderPathFromPSPath($Path)
    if (-not [System.IO.File]::Exists($full)) { throw "There is no file $full." }
    $data = [System.IO.File]::ReadAllBytes($full)
    return , (ConvertTo-PlainUtf8 $data $full)
}

function ConvertTo-PlainUtf8 {
    param([byte[]] $Data, [string] $What)
    $encoding = $null
    $skip = 2
    if ($Data.Length -ge 3 -and $Data[0] -eq 0xef -and $Data[1] -eq 0xbb -and $Data[2] -eq 0xbf) {
        $encoding = $Utf8
        $skip = 3
    }
    elseif ($Data.Length -ge 2 -and $Data[0] -eq 0xff -and $Data[1] -eq 0xfe) {
        $encoding = New-Object System.Text.UnicodeEncoding($false, $true, $true)
    }
    elseif ($Data.Length -ge 2 -and $Data[0] -eq 0xfe -and $Data[1] -eq 0xff) {
        $encoding = New-Object System.Text.UnicodeEncoding($true, $true, $true)
    }
    if ($null -eq $encoding) { return , $Data }
    try { return , $Utf8.GetBytes($encoding.GetString($Data, $skip, $Data.Length - $skip)) }
    catch {
        throw "$What begins with a byte order mark but is not what it announces. Save it as UTF-8."
    }
}

function ConvertFrom-Documents {
    # Documents (name to bytes) to chunk keys and manifest entries.
    param([System.Collections.IDictionary] $Documents, [string] $Wanted)
    $chunks = New-Object System.Collections.Specialized.OrderedDictionary
    $entries = @{}
    foreach ($name in $DocumentNames) {
        if (-not $Documents.Contains($name)) { continue }
        $encoded = ConvertTo-Chunks $name $Documents[$name] $Wanted
        $number = 0
        foreach ($chunk in $encoded.Chunks) {
            $chunks["$name.$number"] = $chunk
            $number++
        }
        $entries[$name] = $encoded.Entry
    }
    return @{ Chunks = $chunks; Entries = $entries }
}

function ConvertFrom-Keys {
    # Keys that hyperv-kvp encode made to chunk keys and manifest entries, checked.
    param([System.Collections.IDictionary] $Given)
    if (-not $Given.Contains($ManifestKey)) {
        throw "The keys have no $ManifestKey. Make them with hyperv-kvp encode."
    }
    $chunks = New-Object System.Collections.Specialized.OrderedDictionary
    foreach ($key in $Given.Keys) {
        if ($key -ceq $ManifestKey) { continue }
        if ((Get-DocumentOfKey $key) -ceq '') { throw "$key is no key of a document." }
        $chunks[[string] $key] = [string] $Given[$key]
    }
    $entries = ConvertFrom-Manifest $Given[$ManifestKey]
    $known = 0
    foreach ($name in $entries.Keys) {
        $text = ''
        $keys = Get-DocumentKeys $chunks $name $entries[$name].Chunks
        foreach ($key in $keys) { $text += $chunks[$key] }
        if ($entries[$name].Sha256 -ne (Get-Sha256 $text)) {
            throw "The keys of $name do not fit their manifest: the file was changed or cut."
        }
        $known += $keys.Length
    }
    if ($known -ne $chunks.Count) { throw 'There are keys that the manifest does not list.' }
    return @{ Chunks = $chunks; Entries = $entries }
}

function Invoke-SelfTest {
    # Known results of hyperv-kvp encode. The project's tests hold both sides to these.
    $face = [char]::ConvertFromUtf32(0x1F600)
    $euro = [string] [char] 0x20AC
    $cases = @(
        @{ Text = ''; Lengths = @(0) },
        @{ Text = 'x' * 1023; Lengths = @(1023) },
        @{ Text = 'x' * 1024; Lengths = @(1023, 1) },
        @{ Text = ([string] [char] 0xE9) * 1023; Lengths = @(1023) },
        @{ Text = $euro * 683; Lengths = @(682, 1) },
        @{ Text = $face * 512; Lengths = @(1022, 2) },
        @{ Text = ('x' * 1022) + $face; Lengths = @(1022, 2) },
        @{ Text = 'x' + ($face * 511); Lengths = @(1023) },
        @{ Text = ('x' * 1000) + ($euro * 1000); Lengths = @(1023, 682, 295) }
    )
    foreach ($case in $cases) {
        $chunks = Split-DocumentText $case.Text
        $lengths = @(foreach ($chunk in $chunks) { $chunk.Length })
        if (($lengths -join ',') -cne ($case.Lengths -join ',')) {
            throw "Splitting gave $($lengths -join ',') where $($case.Lengths -join ',') was expected."
        }
        if (($chunks -join '') -cne $case.Text) { throw 'Splitting has changed the text.' }
    }
    $documents = @{
        'ignition.config'      = $Utf8.GetBytes('{"ignition":{"version":"3.4.0"}}')
        'cloud-init.user-data' = $Utf8.GetBytes("#cloud-config`n")
        'cloud-init.meta-data' = $Utf8.GetBytes("local-hostname: h$([char] 0xF6)st`n")
    }
    $encoded = ConvertFrom-Documents $documents 'auto'
    $expected = '{"version":1,"documents":{' +
    '"ignition.config":{"chunks":1,"sha256":"720a49720f0ddd4a599259e0007b0083e8998e31619c69c96681255a79f77a33","encoding":""},' +
    '"cloud-init.user-data":{"chunks":1,"sha256":"88c95955b024402aa9572b663f7eeb134f01343bb92af27b50e97e72b22c565f","encoding":""},' +
    '"cloud-init.meta-data":{"chunks":1,"sha256":"7bf4b8221fd762c5dab5c20c1b81d903c7ce3be1413a66629483b308f721ff5e","encoding":""}}}'
    $manifest = ConvertTo-Manifest $encoded.Entries
    if ($manifest -cne $expected) { throw "The manifest is $manifest where $expected was expected." }
    $long = $Utf8.GetBytes("#cloud-config`n" * 500)
    $packed = ConvertTo-Chunks 'cloud-init.user-data' $long 'auto'
    $unpacked = Expand-Data ([System.Convert]::FromBase64String($packed.Chunks -join ''))
    if ($packed.Entry.Encoding -cne 'gzip+base64' -or
        [System.Convert]::ToBase64String($unpacked) -cne [System.Convert]::ToBase64String($long)) {
        throw 'gzip+base64 did not come out as it went in.'
    }
    return "Self-test passed: $($cases.Count) texts, a manifest, gzip+base64."
}

# ---- Hyper-V, by WMI ----

$Namespace = 'root\virtualization\v2'
# Hyper-V takes at most 128 items a call.
$BatchSize = 64
$ReturnValues = @{
    32768 = 'failed'; 32769 = 'access denied'; 32770 = 'not supported'; 32771 = 'status unknown'
    32772 = 'timeout'; 32773 = 'invalid parameter'; 32774 = 'system in use'; 32775 = 'invalid state'
    32776 = 'incorrect data type'; 32777 = 'system not available'; 32778 = 'out of memory'
}

function Assert-Elevation {
    # Without elevation WMI shows no virtual machine at all, and "not found" would mislead.
    $principal = New-Object System.Security.Principal.WindowsPrincipal(
        [System.Security.Principal.WindowsIdentity]::GetCurrent())
    $administrators = New-Object System.Security.Principal.SecurityIdentifier('S-1-5-32-544')
    $hyperVAdministrators = New-Object System.Security.Principal.SecurityIdentifier('S-1-5-32-578')
    if (-not ($principal.IsInRole($administrators) -or $principal.IsInRole($hyperVAdministrators))) {
        throw ('Run elevated: start PowerShell with "Run as administrator", or as a member of ' +
            '"Hyper-V Administrators". Without it Hyper-V shows no virtual machine.')
    }
}

function Get-VirtualMachine {
    param([string] $Name, [string] $Id)
    try { $systems = @(Get-CimInstance -Namespace $Namespace -ClassName Msvm_ComputerSystem) }
    catch {
        throw ("Hyper-V does not answer ($($_.Exception.Message)). " +
            'Is the Hyper-V role installed and the service vmms running?')
    }
    $found = New-Object 'System.Collections.Generic.List[object]'
    foreach ($system in $systems) {
        # The host is in this class too; only virtual machines have a GUID for a name.
        if ($system.Name -notmatch '^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$') { continue }
        if ($system.ElementName -ne $Name) { continue }
        if ($Id -ne '' -and $system.Name -ne $Id.Trim('{}'.ToCharArray())) { continue }
        $found.Add($system)
    }
    if ($found.Count -eq 0) {
        throw "There is no virtual machine '$Name' on this host. See: Get-VM"
    }
    if ($found.Count -gt 1) {
        $ids = @(foreach ($system in $found) { $system.Name }) -join ', '
        throw "$($found.Count) virtual machines are named '$Name'. Say which with -VMId: $ids"
    }
    return $found[0]
}

function Get-KvpSettings {
    # The settings of the machine's Data Exchange service, host items among them.
    param($Machine)
    $found = @(Get-CimAssociatedInstance -InputObject $Machine `
            -ResultClassName Msvm_VirtualSystemSettingData -Association Msvm_SettingsDefineState)
    # Checkpoints have settings too.
    $settings = $found[0]
    foreach ($each in $found) {
        if ($each.VirtualSystemType -eq 'Microsoft:Hyper-V:System:Realized') { $settings = $each }
    }
    $kvp = Get-CimAssociatedInstance -InputObject $settings `
        -ResultClassName Msvm_KvpExchangeComponentSettingData
    if ($null -eq $kvp) {
        throw "The virtual machine '$($Machine.ElementName)' has no Data Exchange service."
    }
    return $kvp
}

function Assert-DataExchange {
    param($Machine, $Settings)
    # 2 is enabled, 3 disabled.
    if ($Settings.EnabledState -ne 2) {
        throw ("The integration service Data Exchange of '$($Machine.ElementName)' is switched off; " +
            'no key would ever reach the guest. Switch it on: ' +
            "Get-VMIntegrationService -VMName '$($Machine.ElementName)' | " +
            "Where-Object Id -like '*2A34B1C2-FD73-4043-8A5B-DD2159BC743F' | Enable-VMIntegrationService")
    }
}

function ConvertFrom-DataItem {
    # The Name and Data of an Msvm_KvpExchangeDataItem in its XML form.
    param([string] $Xml)
    $document = New-Object System.Xml.XmlDocument
    # Or a value of blanks would be gone.
    $document.PreserveWhitespace = $true
    # A guest may report any character, also one that XML does not allow.
    $options = New-Object System.Xml.XmlReaderSettings
    $options.CheckCharacters = $false
    $source = New-Object System.IO.StringReader($Xml)
    $document.Load([System.Xml.XmlReader]::Create($source, $options))
    $pair = @{ Name = ''; Data = '' }
    foreach ($property in @('Name', 'Data')) {
        $node = $document.SelectSingleNode("/INSTANCE/PROPERTY[@NAME='$property']/VALUE")
        if ($null -ne $node) { $pair[$property] = $node.InnerText }
    }
    return $pair
}

function ConvertTo-DataItem {
    param([string] $Key, [string] $Value)
    $properties = @{ Name = $Key; Data = $Value; Source = [uint16] 0 }
    $item = New-CimInstance -CimClass $ItemClass -ClientOnly -Property $properties -Confirm:$false
    $serializer = [Microsoft.Management.Infrastructure.Serialization.CimSerializer]::Create()
    $options = [Microsoft.Management.Infrastructure.Serialization.InstanceSerializationOptions]::None
    return [System.Text.Encoding]::Unicode.GetString($serializer.Serialize($item, $options))
}

function ConvertFrom-DataItems {
    # Items to an ordered dictionary.
    param($Items)
    $pairs = New-Object System.Collections.Specialized.OrderedDictionary
    if ($null -eq $Items) { return $pairs }
    foreach ($item in $Items) {
        $pair = ConvertFrom-DataItem $item
        $pairs[[string] $pair.Name] = [string] $pair.Data
    }
    return $pairs
}

function Get-HostKeys {
    param($Machine)
    return ConvertFrom-DataItems (Get-KvpSettings $Machine).HostExchangeItems
}

function Get-GuestKeys {
    # What the guest reports: pool 1, and its intrinsics. Nothing while it is off.
    param($Machine)
    $component = Get-CimAssociatedInstance -InputObject $Machine -ResultClassName Msvm_KvpExchangeComponent
    if ($null -eq $component) { return @{ Guest = @{}; Intrinsic = @{} } }
    return @{
        Guest     = ConvertFrom-DataItems $component.GuestExchangeItems
        Intrinsic = ConvertFrom-DataItems $component.GuestIntrinsicExchangeItems
    }
}

function Wait-KvpJob {
    # Waits, with a bound, for what Hyper-V does in the background.
    param($Result, [string] $What)
    if ($Result.ReturnValue -eq 0) { return }
    if ($Result.ReturnValue -ne 4096) {
        $code = [int] $Result.ReturnValue
        $meaning = 'unknown'
        if ($ReturnValues.ContainsKey($code)) { $meaning = $ReturnValues[$code] }
        throw "$What failed: Hyper-V returned $code ($meaning)."
    }
    $deadline = [DateTime]::UtcNow.AddSeconds($TimeoutSeconds)
    $job = Get-CimInstance -InputObject $Result.Job
    # Below 7 a job has not come to its end; 7 is completed, 32768 completed with warnings.
    while ($job.JobState -lt 7) {
        if ([DateTime]::UtcNow -gt $deadline) {
            throw ("$What takes longer than $TimeoutSeconds s; see the event log Hyper-V-VMMS. " +
                '-TimeoutSeconds sets the bound.')
        }
        Start-Sleep -Milliseconds 100
        $job = Get-CimInstance -InputObject $job
    }
    if ($job.JobState -ne 7 -and $job.JobState -ne 32768) {
        throw "$What failed: $($job.ErrorDescription) (error $($job.ErrorCode), job state $($job.JobState))."
    }
}

function Send-Keys {
    # Calls AddKvpItems, ModifyKvpItems or RemoveKvpItems with all items, batch by batch.
    param($Machine, [string] $Method, [System.Collections.IDictionary] $Items)
    if ($Items.Count -eq 0) { return }
    $names = @($Items.Keys)
    $done = 0
    while ($done -lt $names.Length) {
        $last = [Math]::Min($done + $BatchSize, $names.Length) - 1
        Write-Progress -Activity "Key-value pairs of $($Machine.ElementName)" `
            -Status "$Method $($done + 1) to $($last + 1) of $($names.Length)" `
            -PercentComplete ([int] (100 * $done / $names.Length))
        $batch = @(foreach ($name in $names[$done..$last]) { ConvertTo-DataItem $name $Items[$name] })
        $arguments = @{ TargetSystem = $Machine; DataItems = [string[]] $batch }
        $result = Invoke-CimMethod -InputObject $Service -MethodName $Method `
            -Arguments $arguments -Confirm:$false
        try { Wait-KvpJob $result "$Method for $($names[$done]) and $($last - $done) more" }
        catch {
            throw ("$($_.Exception.Message) $done of $($names.Length) keys were done before. " +
                'If there are very many, the host may keep no more: use -Encoding gzip+base64.')
        }
        $done = $last + 1
    }
    Write-Progress -Activity "Key-value pairs of $($Machine.ElementName)" -Completed
}

function Select-Pairs {
    # The manifest alone, or all but the manifest.
    param([System.Collections.IDictionary] $Items, [bool] $Manifest)
    $selected = New-Object System.Collections.Specialized.OrderedDictionary
    foreach ($key in $Items.Keys) {
        if (($key -ceq $ManifestKey) -eq $Manifest) { $selected[$key] = $Items[$key] }
    }
    return $selected
}

function Assert-HostKeys {
    # Reads the keys back: what is there is what was wanted, and nothing stale is left.
    param($Machine, [System.Collections.IDictionary] $Plan)
    $there = Get-HostKeys $Machine
    $wrong = New-Object 'System.Collections.Generic.List[string]'
    foreach ($key in $Plan.Wanted.Keys) {
        if (-not $there.Contains($key) -or $there[$key] -cne $Plan.Wanted[$key]) { $wrong.Add($key) }
    }
    foreach ($key in $Plan.ToRemove.Keys) {
        if ($there.Contains($key)) { $wrong.Add($key) }
    }
    if ($wrong.Count -gt 0) {
        throw ("Read back from the host, $($wrong.Count) keys are not as they were set: " +
            "$($wrong.ToArray() -join ', '). Run this again; if it stays so, use -Encoding gzip+base64.")
    }
}

function Wait-Guest {
    # Shows what cloud-init reports through KVP until it has finished.
    param($Machine, [int] $Seconds)
    $deadline = [DateTime]::UtcNow.AddSeconds($Seconds)
    $seen = @{}
    while ([DateTime]::UtcNow -lt $deadline) {
        $reported = (Get-GuestKeys $Machine).Guest
        foreach ($pair in $reported.GetEnumerator()) {
            # CLOUD_INIT|incarnation|start or finish|name|...
            $fields = $pair.Key.Split('|')
            if ($fields.Length -lt 4 -or $fields[0] -cne 'CLOUD_INIT') { continue }
            if ($seen.ContainsKey($pair.Key)) { continue }
            $seen[$pair.Key] = $true
            $outcome = ''
            if ($pair.Value -cmatch '"result":"([A-Z]+)"') { $outcome = $Matches[1] }
            Write-Output "$($fields[2]) $($fields[3]) $outcome"
            if ($fields[2] -ceq 'finish' -and $fields[3] -ceq 'modules-final') { return }
        }
        Start-Sleep -Seconds 1
    }
    Write-Warning "The guest has not reported the end of cloud-init within $Seconds s."
}

# ---- What was asked for ----

if ($SelfTest) {
    Invoke-SelfTest
    return
}

$chunks = New-Object System.Collections.Specialized.OrderedDictionary
$entries = @{}
$removed = @()
if ($PSCmdlet.ParameterSetName -eq 'Files') {
    $files = @{ 'ignition' = $Ignition; 'user-data' = $UserData; 'meta-data' = $MetaData
        'vendor-data' = $VendorData; 'network-config' = $NetworkConfig }
    $documents = @{}
    foreach ($short in $files.Keys) {
        if ($files[$short]) { $documents[(Get-DocumentName $short)] = Read-DocumentFile $files[$short] }
    }
    if ($documents.Count -eq 0) {
        throw 'Nothing to set: give -Ignition, -UserData, -MetaData, -VendorData or -NetworkConfig.'
    }
    $encoded = ConvertFrom-Documents $documents $Encoding
    $chunks = $encoded.Chunks
    $entries = $encoded.Entries
}
elseif ($PSCmdlet.ParameterSetName -eq 'KeyFile') {
    $text = ConvertFrom-Utf8 (Read-DocumentFile $KeyFile) $KeyFile
    $given = New-Object System.Collections.Specialized.OrderedDictionary
    foreach ($property in (ConvertFrom-Json -InputObject $text).PSObject.Properties) {
        $given[$property.Name] = [string] $property.Value
    }
    $encoded = ConvertFrom-Keys $given
    $chunks = $encoded.Chunks
    $entries = $encoded.Entries
}
elseif ($PSCmdlet.ParameterSetName -eq 'Keys') {
    $encoded = ConvertFrom-Keys $Keys
    $chunks = $encoded.Chunks
    $entries = $encoded.Entries
}
elseif ($Remove) {
    $removed = @(foreach ($short in $Document) { Get-DocumentName $short })
}

Assert-Elevation
$machine = Get-VirtualMachine $VMName $VMId

if ($Get) {
    $pools = Get-GuestKeys $machine
    $pools['Host'] = Get-HostKeys $machine
    foreach ($side in @('Host', 'Guest', 'Intrinsic')) {
        foreach ($pair in $pools[$side].GetEnumerator()) {
            $value = '<redacted>'
            if ($Unredacted) { $value = $pair.Value }
            [pscustomobject] @{ Side = $side; Key = $pair.Key; Length = $pair.Value.Length; Value = $value }
        }
    }
    return
}

$settings = Get-KvpSettings $machine
if (-not $Remove) { Assert-DataExchange $machine $settings }
$current = ConvertFrom-DataItems $settings.HostExchangeItems
$plan = Get-KeyPlan $current $chunks $entries $removed
$summary = "add $($plan.ToAdd.Count), modify $($plan.ToModify.Count), remove $($plan.ToRemove.Count) keys"
if (-not $PSCmdlet.ShouldProcess("virtual machine '$VMName'", $summary)) { return }

# EnabledState 2: it runs, and sees each key as it is set.
if (-not $Remove -and $machine.EnabledState -eq 2) {
    Write-Warning ("'$VMName' is running. What it has provisioned already stays as it is: " +
        'set keys before the first boot.')
}
$Service = Get-CimInstance -Namespace $Namespace -ClassName Msvm_VirtualSystemManagementService
$ItemClass = Get-CimClass -Namespace $Namespace -ClassName Msvm_KvpExchangeDataItem
Send-Keys $machine 'ModifyKvpItems' (Select-Pairs $plan.ToModify $false)
Send-Keys $machine 'AddKvpItems' (Select-Pairs $plan.ToAdd $false)
Send-Keys $machine 'RemoveKvpItems' (Select-Pairs $plan.ToRemove $false)
# Now the guest can know that all has come.
Send-Keys $machine 'ModifyKvpItems' (Select-Pairs $plan.ToModify $true)
Send-Keys $machine 'AddKvpItems' (Select-Pairs $plan.ToAdd $true)
Send-Keys $machine 'RemoveKvpItems' (Select-Pairs $plan.ToRemove $true)
Assert-HostKeys $machine $plan

foreach ($name in $DocumentNames) {
    if ($plan.Documents.ContainsKey($name)) {
        $entry = $plan.Documents[$name]
        [pscustomobject] @{ VMName = $VMName; Document = $name; Keys = $entry.Chunks
            Encoding = $entry.Encoding; Sha256 = $entry.Sha256 }
    }
}
if ($Wait -gt 0) { Wait-Guest $machine $Wait }
