package Lacking;
# OpenSSL's build wants more of perl than Debian's perl-base holds. This folder has the little that it
# uses of each missing module; a perl that has the real one takes that, for we come last.
use strict;
use warnings;

my ($here) = __FILE__ =~ m{^(.*)/};
@INC = ((grep { $_ ne $here } @INC), $here);

# OpenSSL::paramnames prints into a string, which is a compiled module's job (PerlIO::scalar).
if (!eval { require PerlIO::scalar }) {
    no warnings 'once';
    *OpenSSL::paramnames::open = sub (*;$@) { tie *{ $_[0] }, 'Lacking::Text', $_[2] };
}

package Lacking::Text;
sub TIEHANDLE { my ($class, $text) = @_; $$text = ''; return bless \$text, $class }
sub PRINT { my $self = shift; $$$self .= join $, // '', @_; return 1 }
sub PRINTF { my ($self, $format, @values) = @_; $$$self .= sprintf $format, @values; return 1 }

1;
