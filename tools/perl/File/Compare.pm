package File::Compare;
use strict; use warnings;
require Exporter; our @ISA = 'Exporter'; our @EXPORT = 'compare'; our @EXPORT_OK = qw(compare compare_text);
sub whole {
    my ($path, $strip) = @_;
    open my $file, '<', $path or return undef;
    local $/;
    my $text = <$file> // '';
    $text =~ s/\r\n/\n/g if $strip;
    return $text;
}
sub pair {
    my ($left, $right, $strip) = @_;
    ($left, $right) = (whole($left, $strip), whole($right, $strip));
    return -1 unless defined $left && defined $right;
    return $left eq $right ? 0 : 1;
}
sub compare { pair(@_[0, 1], 0) }
sub compare_text { pair(@_[0, 1], 1) }
1;
