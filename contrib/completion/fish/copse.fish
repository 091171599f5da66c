# fish completion for copse: commands and options, and keys as the server lists them.

# The words of the line that are neither options nor, before the command, values of options: the command first.
function __copse_words
    set -l words
    set -l skip 0
    for word in (commandline -opc)[2..-1]
        if test $skip = 1
            set skip 0
        else if string match -qr -- '^(--(output|discovery-srv|peers|endpoint|endpoints|cert-file|key-file|ca-file|username|timeout|total-timeout|ttl|with-value|with-index|swap-with-value|swap-with-index|after-index|roles|path|from|to|data-dir|wal-dir|backup-dir|backup-wal-dir|name|initial-cluster|initial-cluster-token|initial-advertise-peer-urls)|-[oDCu])$' $word
            set skip 1
        else if not string match -q -- '-*' $word
            set -a words $word
        end
    end
    string join \n -- $words
end

# Whether the command, with its subcommand, is one of those.
function __copse_at
    set -l words (__copse_words)
    contains -- "$words[1]" $argv; or contains -- "$words[1] $words[2]" $argv
end

function __copse_none
    test (count (__copse_words)) = 0
end

function __copse_group
    set -l words (__copse_words)
    test (count $words) = 1 -a "$words[1]" = $argv[1]
end

# The server as the line names it.
function __copse_asked
    set -l words (commandline -opc)
    echo $words[1]
    for i in (seq 2 (count $words))
        if string match -qr -- '^--(endpoints|endpoint|peers|cert-file|key-file|ca-file|username)=' $words[$i]; or test "$words[$i]" = --no-sync
            echo $words[$i]
        else if string match -qr -- '^(--(endpoints|endpoint|peers|cert-file|key-file|ca-file|username)|-[Cu])$' $words[$i]
            string join \n -- $words[$i] $words[(math $i + 1)]
        end
    end
end

function __copse_keys
    set -l asked (__copse_asked)
    set -l dir (string replace -r '[^/]*$' '' -- (commandline -ct))
    test -n "$dir"; or set dir /
    $asked --timeout 1s --total-timeout 1s ls -p --sort -- $dir 2>/dev/null </dev/null
end

complete -c copse -f

complete -c copse -n '__copse_none' -l debug -d 'output cURL commands which can be used to reproduce the request'
complete -c copse -n '__copse_none' -l no-sync -d 'don’t synchronize cluster information before sending request'
complete -c copse -n '__copse_none' -l output -s o -x -a 'simple extended json' -d 'output response in the given format (simple, extended or json)'
complete -c copse -n '__copse_none' -l discovery-srv -s D -x -d 'domain name to query for SRV records describing cluster endpoints'
complete -c copse -n '__copse_none' -l insecure-discovery -d 'accept insecure SRV records describing cluster endpoints'
complete -c copse -n '__copse_none' -l peers -s C -x -d 'DEPRECATED - "--endpoints" should be used instead'
complete -c copse -n '__copse_none' -l endpoint -x -d 'DEPRECATED - "--endpoints" should be used instead'
complete -c copse -n '__copse_none' -l endpoints -x -d 'a comma-delimited list of machine addresses in the cluster'
complete -c copse -n '__copse_none' -l cert-file -r -F -d 'identify HTTPS client using this SSL certificate file'
complete -c copse -n '__copse_none' -l key-file -r -F -d 'identify HTTPS client using this SSL key file'
complete -c copse -n '__copse_none' -l ca-file -r -F -d 'verify certificates of HTTPS-enabled servers using this CA bundle'
complete -c copse -n '__copse_none' -l username -s u -x -d 'provide username( -password) and prompt if password is not supplied.'
complete -c copse -n '__copse_none' -l timeout -x -d 'connection timeout per request'
complete -c copse -n '__copse_none' -l total-timeout -x -d 'timeout for the command execution (except watch)'
complete -c copse -n '__copse_none' -l help -s h -d 'show help'
complete -c copse -n '__copse_none' -l version -s v -d 'print the version'

complete -c copse -n __copse_none -a serve -d 'start a member'
complete -c copse -n __copse_none -a help -d 'tell what a command does'
complete -c copse -n __copse_none -a cluster-health -d 'check the health of the etcd cluster'
complete -c copse -n __copse_none -a mk -d 'make a new key with a given value'
complete -c copse -n __copse_none -a mkdir -d 'make a new directory'
complete -c copse -n __copse_none -a rm -d 'remove a key or a directory'
complete -c copse -n __copse_none -a rmdir -d 'removes the key if it is an empty directory or a key-value pair'
complete -c copse -n __copse_none -a get -d 'retrieve the value of a key'
complete -c copse -n __copse_none -a ls -d 'retrieve a directory'
complete -c copse -n __copse_none -a set -d 'set the value of a key'
complete -c copse -n __copse_none -a setdir -d 'create a new directory or update an existing directory TTL'
complete -c copse -n __copse_none -a update -d 'update an existing key with a given value'
complete -c copse -n __copse_none -a updatedir -d 'update an existing directory'
complete -c copse -n __copse_none -a watch -d 'watch a key for changes'
complete -c copse -n __copse_none -a exec-watch -d 'watch a key for changes and exec an executable'
complete -c copse -n __copse_none -a member -d 'member add, remove and list subcommands'
complete -c copse -n __copse_none -a user -d 'user add, grant and revoke subcommands'
complete -c copse -n __copse_none -a role -d 'role add, grant and revoke subcommands'
complete -c copse -n __copse_none -a auth -d 'overall auth controls'
complete -c copse -n __copse_none -a verify -d 'read all of a data directory and say whether it is sound'
complete -c copse -n __copse_none -a dump -d 'log and snapshots of a data directory as lines of JSON'
complete -c copse -n __copse_none -a backup -d 'copy the state of a data directory, without its identity'
complete -c copse -n __copse_none -a restore -d 'make a new data directory from a backup or a snapshot'
complete -c copse -n '__copse_group member' -a list -d 'enumerate existing cluster members'
complete -c copse -n '__copse_group member' -a add -d 'add a new member to the etcd cluster'
complete -c copse -n '__copse_group member' -a remove -d 'remove an existing member from the etcd cluster'
complete -c copse -n '__copse_group member' -a update -d 'update an existing member in the etcd cluster'
complete -c copse -n '__copse_group user' -a add -d 'add a new user for the etcd cluster'
complete -c copse -n '__copse_group user' -a get -d 'get details for a user'
complete -c copse -n '__copse_group user' -a list -d 'list all current users'
complete -c copse -n '__copse_group user' -a remove -d 'remove a user for the etcd cluster'
complete -c copse -n '__copse_group user' -a grant -d 'grant roles to an etcd user'
complete -c copse -n '__copse_group user' -a revoke -d 'revoke roles for an etcd user'
complete -c copse -n '__copse_group user' -a passwd -d 'change password for a user'
complete -c copse -n '__copse_group role' -a add -d 'add a new role for the etcd cluster'
complete -c copse -n '__copse_group role' -a get -d 'get details for a role'
complete -c copse -n '__copse_group role' -a list -d 'list all roles'
complete -c copse -n '__copse_group role' -a remove -d 'remove a role from the etcd cluster'
complete -c copse -n '__copse_group role' -a grant -d 'grant path matches to an etcd role'
complete -c copse -n '__copse_group role' -a revoke -d 'revoke path matches for an etcd role'
complete -c copse -n '__copse_group auth' -a enable -d 'enable auth access controls'
complete -c copse -n '__copse_group auth' -a disable -d 'disable auth access controls'

complete -c copse -n '__copse_at cluster-health' -l forever -s f -d 'forever check the health every 10 second until CTRL+C'
complete -c copse -n '__copse_at mk' -l in-order -d 'create in-order key under directory <key>'
complete -c copse -n '__copse_at mk' -l ttl -x -d 'key time-to-live in seconds'
complete -c copse -n '__copse_at mkdir' -l ttl -x -d 'key time-to-live in seconds'
complete -c copse -n '__copse_at rm' -l dir -d 'removes the key if it is an empty directory or a key-value pair'
complete -c copse -n '__copse_at rm' -l recursive -s r -d 'removes the key and all child keys(if it is a directory)'
complete -c copse -n '__copse_at rm' -l with-value -x -d 'previous value'
complete -c copse -n '__copse_at rm' -l with-index -x -d 'previous index'
complete -c copse -n '__copse_at get' -l sort -d 'returns result in sorted order'
complete -c copse -n '__copse_at get' -l quorum -s q -d 'require quorum for get request'
complete -c copse -n '__copse_at ls' -l sort -d 'returns result in sorted order'
complete -c copse -n '__copse_at ls' -l recursive -s r -d 'returns all key names recursively for the given path'
complete -c copse -n '__copse_at ls' -s p -d 'append slash (/) to directories'
complete -c copse -n '__copse_at ls' -l quorum -s q -d 'require quorum for get request'
complete -c copse -n '__copse_at set' -l ttl -x -d 'key time-to-live in seconds'
complete -c copse -n '__copse_at set' -l swap-with-value -x -d 'previous value'
complete -c copse -n '__copse_at set' -l swap-with-index -x -d 'previous index'
complete -c copse -n '__copse_at setdir' -l ttl -x -d 'key time-to-live in seconds'
complete -c copse -n '__copse_at update' -l ttl -x -d 'key time-to-live in seconds'
complete -c copse -n '__copse_at updatedir' -l ttl -x -d 'key time-to-live in seconds'
complete -c copse -n '__copse_at watch' -l forever -s f -d 'forever watch a key until CTRL+C'
complete -c copse -n '__copse_at watch' -l after-index -x -d 'watch after the given index'
complete -c copse -n '__copse_at watch' -l recursive -s r -d 'returns all values for key and child keys'
complete -c copse -n '__copse_at exec-watch' -l after-index -x -d 'watch after the given index'
complete -c copse -n '__copse_at exec-watch' -l recursive -s r -d 'watch all values for key and child keys'
complete -c copse -n '__copse_at "user grant"' -l roles -x -d 'List of roles to grant or revoke'
complete -c copse -n '__copse_at "user revoke"' -l roles -x -d 'List of roles to grant or revoke'
complete -c copse -n '__copse_at "role grant"' -l path -x -d 'Path granted for the role to access'
complete -c copse -n '__copse_at "role grant"' -l read -d 'Grant read-only access'
complete -c copse -n '__copse_at "role grant"' -l write -d 'Grant write-only access'
complete -c copse -n '__copse_at "role grant"' -l readwrite -l rw -d 'Grant read-write access'
complete -c copse -n '__copse_at "role revoke"' -l path -x -d 'Path revoked for the role to access'
complete -c copse -n '__copse_at "role revoke"' -l read -d 'Revoke read access'
complete -c copse -n '__copse_at "role revoke"' -l write -d 'Revoke write access'
complete -c copse -n '__copse_at "role revoke"' -l readwrite -l rw -d 'Revoke read-write access'
complete -c copse -n '__copse_at dump' -l log -d 'only the log'
complete -c copse -n '__copse_at dump' -l snapshot -d 'only the snapshots'
complete -c copse -n '__copse_at dump' -l from -x -d 'of the log, only entries from this one on'
complete -c copse -n '__copse_at dump' -l to -x -d 'of the log, only entries up to this one'
complete -c copse -n '__copse_at backup' -l data-dir -x -a '(__fish_complete_directories)' -d 'what to back up'
complete -c copse -n '__copse_at backup' -l wal-dir -x -a '(__fish_complete_directories)' -d 'its log, where that is not in DIR/member/wal'
complete -c copse -n '__copse_at backup' -l backup-dir -x -a '(__fish_complete_directories)' -d 'where to; empty or new'
complete -c copse -n '__copse_at backup' -l backup-wal-dir -x -a '(__fish_complete_directories)' -d 'where the log goes to, where not below the former'
complete -c copse -n '__copse_at backup' -l with-v3 -d 'refused: there is no v3 data'
complete -c copse -n '__copse_at restore' -l data-dir -x -a '(__fish_complete_directories)' -d 'where to; empty or new'
complete -c copse -n '__copse_at restore' -l wal-dir -x -a '(__fish_complete_directories)' -d 'log of the backup, where that is apart'
complete -c copse -n '__copse_at restore' -l name -x -d 'of the new member'
complete -c copse -n '__copse_at restore' -l initial-cluster -x -d 'all members of the new cluster'
complete -c copse -n '__copse_at restore' -l initial-cluster-token -x -d 'of the new cluster'
complete -c copse -n '__copse_at restore' -l initial-advertise-peer-urls -x -d 'of the new member'
complete -c copse -n '__copse_at verify dump' -a '(__fish_complete_directories)'
complete -c copse -n '__copse_at serve restore' -F

complete -c copse -n '__copse_at mk mkdir rm rmdir get ls set setdir update updatedir watch exec-watch' -a '(__copse_keys)'
complete -c copse -n '__copse_at help' -a 'cluster-health mk mkdir rm rmdir get ls set setdir update updatedir watch exec-watch member user role auth verify dump backup restore'
complete -c copse -n '__copse_at serve' -a "(copse serve --help 2>/dev/null | string match -rg '^  (--[a-z0-9-]+)')"
