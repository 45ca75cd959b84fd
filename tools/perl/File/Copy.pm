package File::Copy;
use strict; use warnings;
require Exporter; our @ISA = 'Exporter'; our @EXPORT = qw(copy move);
sub copy {
    my ($from, $to) = @_;
    my $in = $from;
    if (!ref $from) { undef $in; open $in, '<', $from or return 0; binmode $in; }
    my $out = $to;
    if (!ref $to) { undef $out; open $out, '>', $to or return 0; binmode $out; }
    local $/;
    print {$out} <$in> // '' or return 0;
    return ref $to ? 1 : close $out;
}
sub move { rename $_[0], $_[1] or copy(@_) && unlink $_[0] }
1;
