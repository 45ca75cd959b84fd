package IPC::Cmd;
use strict; use warnings;
require Exporter; our @ISA = 'Exporter'; our @EXPORT_OK = 'can_run';
sub can_run {
    my ($program) = @_;
    return -f $program && -x _ ? $program : undef if $program =~ m{/};
    for my $folder (split /:/, $ENV{PATH} // '') {
        return "$folder/$program" if -f "$folder/$program" && -x _;
    }
    return undef;
}
1;
