package Getopt::Std;
use strict; use warnings;
require Exporter; our @ISA = 'Exporter'; our @EXPORT = qw(getopt getopts);
# Both fill the hash that is given, or else $opt_x of the caller. Every letter of getopt takes a value;
# of getopts, each that a colon follows.
sub getopt { parse(scalar caller, join('', map { "$_:" } $_[0] =~ /[^:]/g), $_[1]) }
sub getopts { parse(scalar caller, @_[0, 1]) }
sub parse {
    my ($caller, $letters, $hash) = @_;
    my $ok = 1;
    while (@ARGV && $ARGV[0] =~ /^-(.)(.*)/s) {
        my ($letter, $rest) = ($1, $2);
        shift @ARGV;
        last if "$letter$rest" eq '-';
        my $at = index $letters, $letter;
        my $value = 1;
        if ($at >= 0 && substr($letters, $at + 1, 1) eq ':') {
            $value = $rest ne '' ? $rest : shift @ARGV;
        } elsif ($rest ne '') {
            unshift @ARGV, "-$rest";
        }
        if ($at < 0) { warn "Unknown option: $letter\n"; $ok = 0; next }
        if ($hash) { $hash->{$letter} = $value; next }
        no strict 'refs';
        ${"${caller}::opt_$letter"} = $value;
    }
    return $ok;
}
1;
