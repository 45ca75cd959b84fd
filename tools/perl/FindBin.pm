package FindBin;
use strict; use warnings;
use Cwd (); use File::Basename ();
our @ISA = 'Exporter'; require Exporter;
our @EXPORT_OK = qw($Bin $Script $RealBin $RealScript);
our ($Bin, $Script, $RealBin, $RealScript);
$Script = $RealScript = File::Basename::basename($0);
$Bin = $RealBin = ($0 eq '-e' || $0 eq '-') ? Cwd::getcwd() : Cwd::abs_path(File::Basename::dirname($0));
1;
